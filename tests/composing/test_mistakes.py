"""The sentence for everything that can be wrong: one line, exit 2, nothing created."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from improved_gan.cli import run
from improved_gan.composing import compose_jobs, groups, known_keys
from improved_gan.config import UsageError

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
    "a path that nothing reads": (["dataset.path=/"], "has no effect with dataset=digits"),
    "an unknown word": (["training.precision=fp8"], "must be one of auto, fp32, tf32, bf16"),
    "shapes that differ": (["dataset=cifar10", "architecture=mnist_mlp"], "28x28 with 1 channel"),
    "shapes that differ, where nobody chose the architecture": (
        ["experiment=cifar10_table2", "dataset=mnist"],
        "dataset=mnist: images of 28x28 with 1 channel do not fit the architecture of experiment=cifar10_table2, "
        "which makes 32x32 with 3 channels; choose architecture=mnist_mlp",
    ),
    "a shape that the data set's architecture does not make": (
        ["dataset=mnist", "dataset.image_shape=[1,8,8]"],
        "error: dataset.image_shape=[1,8,8]: images of 8x8 with 1 channel do not fit the architecture of dataset=mnist",
    ),
    "meaningless combination": (
        ["objective=supervised_only", "technique=none", "technique.feature_matching.enabled=true"],
        "has no effect with objective=supervised_only",
    ),
    "no end": (["training.epochs=null"], "training.steps=null"),
    "missing path": (["dataset=npz"], "dataset.path=null"),
    "missing file": (["dataset=npz", "dataset.path=/nowhere/x.npz"], "does not exist"),
    "unwritable folder": (["output_root=/proc/nowhere"], "output_root=/proc/nowhere"),
    "bad device": (["device=gpu"], "must be auto, cpu, cuda or cuda:N"),
    "no run": (["job=sample"], "run=null"),
    "not a run": (["job=sample", "run=/tmp"], "must be the folder of a run"),
    "added key": (["+training.bogus=1"], "keys can be set, not added"),
    "a sweep without -m": (["seed=1,2"], "require -m"),
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
    except UsageError as error:
        assert str(error).strip()
        assert "\n" not in str(error)


@pytest.mark.parametrize("project", ["a/b", "a#b", "a" * 129])
def test_a_project_that_wandb_cannot_have_is_refused(project: str) -> None:
    with pytest.raises(UsageError, match=r"tracking\.project=.*128 characters"):
        compose_jobs([f'tracking.project="{project}"'])


@pytest.mark.parametrize("flag", ["--config-dir=conf", "--config-name", "-cd"])
def test_a_config_from_outside_is_a_sentence(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([flag, "x"]) == 2
    assert "configs are read from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metrics.measures=[modes_captured]", "metrics.names"),
        ("training.generator_average.rate=0.1", "generator_ema.decay (1 - rate)"),
    ],
)
def test_an_old_key_is_answered_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(UsageError, match=rf"is called .*{re.escape(new)} now"):
        compose_jobs([old])
