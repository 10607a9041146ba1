"""From overrides to checked configs: every choice, every combination of a multirun."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from improved_gan.cli import run
from improved_gan.composing import compose_jobs, groups
from improved_gan.config import UsageError


def test_the_default_run_composes() -> None:
    (request,) = compose_jobs([])
    assert request.experiment == "default"
    assert request.name == "defaults"
    assert request.config.dataset.name == "digits"


def test_every_choice_of_every_group_composes(tmp_path: Path) -> None:
    archive = tmp_path / "images.npz"
    np.savez(archive, images=np.zeros((5, 8, 8), np.uint8))
    Image.new("RGB", (8, 8)).save(tmp_path / "image.png")
    for dataset in groups()["dataset"]:
        extra = {"image_folder": [f"dataset.path={tmp_path}"], "npz": [f"dataset.path={archive}"]}.get(dataset, [])
        assert compose_jobs([f"dataset={dataset}", *extra]), dataset
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
    np.savez(tmp_path / "images.npz", images=np.zeros((5, 8, 8), np.uint8))
    folders = ('output_root="~"', 'data_root="~"')
    files = ('metrics.inception_weights="~/images.npz"', 'dataset.path="~/images.npz"')
    config = compose_jobs(["dataset=npz", *folders, *files])[0].config
    assert [config.output_root, config.data_root] == [str(tmp_path)] * 2
    assert [config.metrics.inception_weights, config.dataset.path] == [str(tmp_path / "images.npz")] * 2
    assert compose_jobs(["job=report", 'run="~"'])[0].config.run == str(tmp_path)
    assert compose_jobs(["job=evaluate", 'images="~/images.npz"'])[0].config.images == str(tmp_path / "images.npz")


@pytest.mark.parametrize("dataset", ["digits", "ring", "grid", "spiral", "mixture", "mnist", "cifar10"])
def test_a_data_set_alone_trains(dataset: str, tmp_path: Path) -> None:
    root = Path(os.environ.get("IMPROVED_GAN_DATA", "data"))
    if dataset in ("mnist", "cifar10") and not (root / f"{dataset}.npz").is_file():
        pytest.skip(f"{dataset}.npz is not in IMPROVED_GAN_DATA")
    words = [f"dataset={dataset}", "budget=smoke", f"output_root={tmp_path}", "tracking.mode=disabled", "metrics=none"]
    assert run([*words, f"data_root={root.absolute()}"]) == 0


def test_a_data_set_brings_an_architecture_which_gives_way_to_what_is_asked_for() -> None:
    def width(*overrides: str) -> tuple[list[int], int]:
        (request,) = compose_jobs(list(overrides))
        return request.config.architecture.image_shape, request.config.architecture.width

    assert width("dataset=mnist") == ([1, 28, 28], 1000)
    assert width("dataset=svhn") == ([3, 32, 32], 64)
    assert width("dataset=svhn", "architecture=cifar10_conv") == ([3, 32, 32], 96)
    assert width("dataset=ring") == ([2, 1, 1], 128)
    assert width("experiment=cifar10_table2", "dataset=svhn") == ([3, 32, 32], 96)


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_mnist_brings_feature_matching_which_gives_way_to_what_is_asked_for(dataset: str) -> None:
    def feature_matching(*overrides: str) -> bool:
        technique = compose_jobs([f"dataset={dataset}", *overrides])[0].config.technique
        return bool(technique.feature_matching.enabled)

    assert feature_matching()
    assert not feature_matching("technique=none")
    assert not feature_matching("technique=default")
    for objective in ("r3gan", "vae", "hinge"):
        assert not feature_matching(f"objective={objective}")


def test_points_bring_an_objective_without_labels_which_gives_way_to_what_is_asked_for() -> None:
    assert compose_jobs(["dataset=grid"])[0].config.objective.name == "non_saturating"
    assert compose_jobs(["dataset=grid", "objective=hinge"])[0].config.objective.name == "hinge"
    oscillation = compose_jobs(["experiment=phenomenon/oscillation", "dataset=grid"])
    assert oscillation[0].config.objective.name == "minimax"


def test_your_own_images_take_an_architecture_by_their_shape_or_are_told_what_fits(tmp_path: Path) -> None:
    def archive(*shape: int) -> str:
        path = tmp_path / f"{'x'.join(map(str, shape))}.npz"
        np.savez(path, images=np.zeros(shape, np.uint8))
        return f"dataset.path={path}"

    def image_shape(*overrides: str) -> list[int]:
        return compose_jobs(list(overrides))[0].config.architecture.image_shape

    assert image_shape("dataset=npz", archive(5, 28, 28)) == [1, 28, 28]
    assert image_shape("dataset=npz", archive(5, 32, 32, 3)) == [3, 32, 32]
    assert image_shape("dataset=npz", archive(5, 3, 28, 28)) == [3, 28, 28]
    assert compose_jobs(["dataset=npz", archive(5, 8, 8)])[0].config.architecture.name == "mnist_mlp"
    Image.new("RGB", (8, 8)).save(tmp_path / "image.png")
    assert image_shape("dataset=image_folder", f"dataset.path={tmp_path}") == [3, 32, 32]
    with pytest.raises(UsageError, match=r"dataset.path=.*64x64 with 3 channels.*28x28 with 1 channel \(mnist_mlp\)"):
        compose_jobs(["dataset=npz", archive(5, 64, 64, 3)])
    with pytest.raises(UsageError, match=r"dataset.image_shape=\[3,64,64\]: no architecture makes"):
        compose_jobs(["dataset=image_folder", f"dataset.path={tmp_path}", "dataset.image_shape=[3,64,64]"])
    assert compose_jobs(["dataset=npz", archive(5, 64, 64, 3), "job=prepare"])


def test_points_train_balanced_players_without_a_technique() -> None:
    (request,) = compose_jobs(["dataset=ring"])
    assert not request.config.technique.minibatch_discrimination.enabled
    assert request.config.training.learning_rate == 0.001
    (asked,) = compose_jobs(["dataset=ring", "technique=default", "training.learning_rate=0.01"])
    assert asked.config.technique.minibatch_discrimination.enabled and asked.config.training.learning_rate == 0.01
