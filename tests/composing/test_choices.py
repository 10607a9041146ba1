"""From overrides to checked configs: every choice, every combination of a multirun."""

from pathlib import Path

import pytest

from improved_gan.composing import compose_jobs, groups
from improved_gan.config import UsageError


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
    with pytest.raises(UsageError) as caught:
        compose_jobs(["-m", "training.batch_size=0,50,1"])
    assert str(caught.value).count("training.batch_size=") >= 2
    kept = compose_jobs(["-m", "training.batch_size=0,50,1", "sweep.skip_invalid=true"])
    assert [request.config.training.batch_size for request in kept] == [50]


def test_a_glob_sweeps_the_choices_that_it_matches() -> None:
    jobs = compose_jobs(["-m", "technique=glob(our*)", "seed=1,2"])
    matching = [choice for choice in groups()["technique"] if choice.startswith("our")]
    assert [job.overrides for job in jobs] == [(f"technique={t}", f"seed={s}") for t in matching for s in (1, 2)]
    (job,) = compose_jobs(["-m", "technique=glob(our_methods)"])
    assert job.overrides == ("technique=our_methods",)


@pytest.mark.parametrize(
    "sweep, words",
    [
        ("training.learning_rate=interval(0.001,0.1)", "job=search"),
        ("seed=int(interval(1,2))", "job=search"),
        ("objective=glob(zz*)", "matches none of"),
        ("seed=glob(*)", "glob.. is for groups"),
        ("seed=range(1,3,0)", "must not be zero"),
    ],
)
def test_a_sweep_without_values_is_a_sentence(sweep: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compose_jobs(["-m", sweep])


def test_a_quoted_tilde_is_the_home_folder_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images.npz").touch()
    folders = ('output_root="~"', 'data_root="~"')
    files = ('metrics.inception_weights="~/images.npz"', 'dataset.path="~/images.npz"')
    config = compose_jobs(["dataset=npz", *folders, *files])[0].config
    assert [config.output_root, config.data_root] == [str(tmp_path)] * 2
    assert [config.metrics.inception_weights, config.dataset.path] == [str(tmp_path / "images.npz")] * 2
    assert compose_jobs(["job=report", 'run="~"'])[0].config.run == str(tmp_path)
    assert compose_jobs(["job=evaluate", 'images="~/images.npz"'])[0].config.images == str(tmp_path / "images.npz")
