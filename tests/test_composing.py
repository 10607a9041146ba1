"""From overrides to checked configs: names, hashes, and the sentence for everything that can be wrong."""

import os
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from improved_gan.cli import run
from improved_gan.composing import compose_jobs, groups, known_keys
from improved_gan.config import RequestError


def digest(*overrides: str) -> str:
    return compose_jobs(list(overrides))[0].digest


def test_the_default_run_composes() -> None:
    (request,) = compose_jobs([])
    assert request.experiment == "default"
    assert request.name == "defaults"
    assert request.config.dataset.name == "digits"


def test_every_choice_of_every_group_composes(tmp_path: Path) -> None:
    archive = tmp_path / "images.npz"
    archive.touch()
    pair_for = {
        "mnist": "mnist_mlp",
        "fashion_mnist": "mnist_mlp",
        "cifar10": "cifar10_conv",
        "svhn": "svhn_conv",
        "stacked_mnist": "stacked_mnist_mlp",
        **dict.fromkeys(("ring", "grid", "spiral", "mixture"), "toy_mlp"),
    }
    for dataset in groups()["dataset"]:
        pair = pair_for.get(dataset, "digits_conv")
        extra = [f"dataset.path={tmp_path}"] if dataset == "image_folder" else []
        extra += [f"dataset.path={archive}"] if dataset == "npz" else []
        if dataset == "image_folder":
            extra.append("dataset.image_shape=[1,8,8]")
        assert compose_jobs([f"dataset={dataset}", f"architecture={pair}", *extra])
    for group in ("objective", "technique", "metrics", "budget"):
        for choice in groups()[group]:
            technique = ["technique=none"] if choice == "supervised_only" else []
            assert compose_jobs([f"{group}={choice}", *technique]), (group, choice)


@pytest.mark.parametrize(
    "same",
    [
        ["output_root=elsewhere"],
        ["data_root=elsewhere"],
        ["device=cpu"],
        ["tracking.mode=disabled", "tracking.project=x"],
        ["training.log_interval=7", "training.checkpoint_interval=9"],
        ["seed=1"],
    ],
)
def test_what_decides_no_result_is_not_in_the_hash(same: list[str]) -> None:
    assert digest(*same) == digest()


@pytest.mark.parametrize("other", ["seed=2", "training.learning_rate=0.001", "dataset.label_seed=9", "technique=none"])
def test_what_decides_the_result_is_in_the_hash(other: str) -> None:
    assert digest(other) != digest()


def test_budget_caps_before_the_hash() -> None:
    (smoke,) = compose_jobs(["budget=smoke"])
    assert smoke.scaled
    assert smoke.config.training.steps is not None and smoke.config.training.steps <= 10
    again = digest(
        f"training.steps={smoke.config.training.steps}",
        f"metrics.samples={smoke.config.metrics.samples}",
        f"metrics.reference_samples={smoke.config.metrics.reference_samples}",
        f"architecture.width={smoke.config.architecture.width}",
        f"architecture.generator_width={smoke.config.architecture.generator_width}",
    )
    assert again == smoke.digest
    assert not compose_jobs(["budget=paper"])[0].scaled


def test_names_are_short_readable_and_safe() -> None:
    overrides = ["technique.virtual_batch_norm.enabled=false", "seed=7", "training.learning_rate=0.01", "device=cpu"]
    (request,) = compose_jobs(overrides)
    assert request.name == "virtual_batch_norm_off-seed_7-learning_rate_0.01"
    (odd,) = compose_jobs(["dataset.class_names=[a/b,'c d',e,f,g,h,i,j,k," + "x" * 300 + "]"])
    assert "/" not in odd.name and len(odd.name) <= 100


@pytest.mark.parametrize(("value", "word"), [("true", "on"), ("yes", "on"), ("on", "on"), ("no", "off"), ("0", "off")])
def test_a_name_says_what_a_switch_is_set_to(value: str, word: str) -> None:
    (request,) = compose_jobs([f"technique.feature_matching.enabled={value}"])
    assert request.name == f"feature_matching_{word}"
    assert request.config.technique.feature_matching.enabled == (word == "on")


def test_a_multirun_is_every_combination() -> None:
    requests = compose_jobs(["-m", "seed=1,2,3", "technique.label_smoothing.enabled=true,false"])
    assert len(requests) == 6
    assert len({request.digest for request in requests}) == 6


def test_an_experiment_says_what_its_table_is_made_of() -> None:
    rows = compose_jobs(["-m", "experiment=cifar10_table3"])
    assert len({request.digest for request in rows}) == 6 * 3
    assert len(compose_jobs(["-m", "experiment=cifar10_table3", "seed=7"])) == 6  # the command line goes before it
    assert len(compose_jobs(["-m", "experiment=mnist_table1", "seed=1,2"])) == 4 * 2
    assert len(compose_jobs(["-m", "experiment=svhn_semi_supervised"])) == 3 * 3
    assert len(compose_jobs(["experiment=cifar10_table3"])) == 1


def test_a_multirun_lists_all_that_is_wrong_before_anything_starts() -> None:
    with pytest.raises(RequestError) as caught:
        compose_jobs(["-m", "training.batch_size=0,50,1"])
    assert str(caught.value).count("training.batch_size=") >= 2
    kept = compose_jobs(["-m", "training.batch_size=0,50,1", "sweep.skip_invalid=true"])
    assert [request.config.training.batch_size for request in kept] == [50]


WRONG = {
    "unknown key, with the nearest known one": (["training.step=3"], "did you mean training.steps?"),
    "unknown group choice": (["dataset=mnis"], "did you mean mnist?"),
    "wrong type": (["training.steps=many"], "training.steps=many: must be a whole number or null"),
    "wrong type of a switch": (["technique.label_smoothing.enabled=perhaps"], "must be true or false"),
    "out of range": (["training.batch_size=0"], "training.batch_size=0: must be at least 2"),
    "above a bound": (["technique.label_smoothing.real_target=1.5"], "at most 1"),
    "not a number": (["training.learning_rate=nan"], "training.learning_rate=nan"),
    "infinite": (["training.learning_rate=inf"], "must be a finite number"),
    "absurdly large": (["architecture.width=10000000000"], "at most 8192"),
    "a seed that numpy does not take": (["dataset.label_seed=99999999999"], "at most 4294967295"),
    "nothing where a folder must be": (["output_root="], "output_root=: must not be empty"),
    "a path that nothing reads": (["dataset.path=/"], "means nothing with dataset=digits"),
    "an unknown word": (["training.precision=fp8"], "must be one of auto, fp32, bf16"),
    "shapes that differ": (["dataset=cifar10", "architecture=mnist_mlp"], "28x28 with 1 channel"),
    "meaningless combination": (
        ["objective=supervised_only", "technique=none", "technique.feature_matching.enabled=true"],
        "means nothing with objective=supervised_only",
    ),
    "no end": (["training.epochs=null"], "training.steps=null"),
    "missing path": (["dataset=npz"], "dataset.path=null"),
    "missing file": (["dataset=npz", "dataset.path=/nowhere/x.npz"], "there is nothing there"),
    "unwritable folder": (["output_root=/proc/nowhere"], "output_root=/proc/nowhere"),
    "bad device": (["device=gpu"], "must be auto, cpu, cuda or cuda:N"),
    "no run": (["job=sample"], "run=null"),
    "not a run": (["job=sample", "run=/tmp"], "must be the folder of a run"),
    "added key": (["+training.bogus=1"], "keys can be set, not added"),
    "a sweep without -m": (["seed=1,2"], "need -m"),
    "not an override": (["seed"], "write key=value"),
    "a group set to nothing": (["ablation=null"], "ablation=None: must be one of"),
    "a node set as a whole": (["training=3"], "holds several keys"),
    "nothing held out": (["dataset.evaluate_on=validation"], "dataset.validation_images"),
    "weights that are not there": (["metrics.inception_weights=/nowhere"], "there is no such file"),
    "an empty range": (["-m", "seed=range(1,1)"], "names no value"),
    "the same mistake in every job": (["-m", "seed=1,2", "training.batch_size=0"], "error: training.batch_size=0"),
    "a launcher that is not there": (["-m", "seed=1,2", "hydra/launcher=bogus"], "pip install 'improved-gan[sweep]'"),
    "a launcher's key without it": (["-m", "seed=1,2", "hydra.launcher.n_jobs=2"], "hydra/launcher=joblib"),
    "no job at a time": (["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"], "at least 1 job"),
    "Hydra's own folders": (["hydra.run.dir=x"], "only hydra/launcher"),
    "a value that must be quoted": (["output_root=é"], "quote a value"),
    "a budget out of range": (["budget.max_steps=0"], "budget.max_steps=0: must be at least 1"),
    "a group that W&B does not take": (["tracking.group=" + "x" * 200], "128 characters"),
    "--cfg of nothing": (["--cfg"], "expected one argument"),
    "--cfg of something else": (["--cfg", "everything"], "invalid choice"),
    "--resolve alone": (["--resolve"], "--cfg"),
    "--package of nothing": (["--cfg", "job", "--package", "x"], "'x' not found"),
    "interpolation to nowhere": (["seed=${nothing.here}"], "nothing.here"),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_mistake_is_one_line_exit_2_and_nothing_created(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, sentence = WRONG[case]
    assert run(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err
    assert os.listdir(tmp_path) == []


KEYS = sorted(key for key in known_keys() if key not in ("output_root",))
VALUES = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["null", "[]", "{}", "[1,2", "${", "${seed}", "true", "''", "1,2", "range(1,3)", "choice(a,b)", "\x00"]
    ),
)
BAD_OVERRIDES = st.one_of(
    st.text(max_size=30),
    st.tuples(st.sampled_from([*KEYS, *groups()]), VALUES).map("=".join),
    st.tuples(st.sampled_from(["+", "++", "~"]), st.sampled_from(KEYS), VALUES).map(lambda t: f"{t[0]}{t[1]}={t[2]}"),
    st.tuples(st.text(max_size=15), VALUES).map("=".join),
)


@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(BAD_OVERRIDES, min_size=1, max_size=3))
def test_no_override_ends_in_a_traceback(overrides: list[str]) -> None:
    """Whatever is asked for, it either composes and passes every check, or is refused in one line."""
    overrides = [text for text in overrides if not text.startswith("-")]
    try:
        compose_jobs(overrides)
    except RequestError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
