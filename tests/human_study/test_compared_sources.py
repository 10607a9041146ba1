"""What a study may compare: trained runs, folders of images and .npz files, and the best samples only."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from improved_gan import cli
from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.human_study.selection import divergence_from_marginal
from improved_gan.job.human_study import images_of
from improved_gan.metrics.extraction import ClassSums
from improved_gan.metrics.inception_score import inception_score

DIGITS = (load_digits().images * 15.9).astype(np.uint8)


def images(tmp_path: Path, *overrides: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The test split's images, and each generator's."""
    line = ["job=human_study", "device=cpu", f"data_root={tmp_path / 'data'}", *overrides]
    line += [] if "dataset=npz" in overrides else ["dataset=digits"]
    (request,) = compose_jobs(line)
    assert request.config.human_study is not None
    data, generated = images_of(request, request.config.human_study)
    assert data.test is not None
    return np.asarray(data.test.images), generated


def test_a_folder_of_images_and_an_npz_are_compared(tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    for number in range(12):
        Image.fromarray(DIGITS[number]).save(tmp_path / "drawn" / f"{number}.png")
    np.savez(tmp_path / "stored.npz", images=DIGITS[:15, :, :, None])
    reals, found = images(tmp_path, f"human_study.compare=[{tmp_path}/drawn,{tmp_path}/stored.npz]")
    assert reals.shape == (360, 1, 8, 8) and {name: len(each) for name, each in found.items()} == {
        "drawn": 12,
        "stored": 15,
    }


def test_an_images_part_of_the_score_makes_up_the_score() -> None:
    logits = torch.randn(300, 10, generator=torch.Generator().manual_seed(0)) * 3
    sums = ClassSums(300, 1)
    sums.add(logits)
    parts = divergence_from_marginal(logits)
    assert parts.min() >= 0
    assert math.exp(parts.mean()) == pytest.approx(inception_score(sums.statistics())[0])


@pytest.mark.integration
def test_the_best_tenth_by_the_classifier_are_the_clear_digits(tmp_path: Path) -> None:
    blurred = np.broadcast_to(DIGITS.mean(0), (180, 8, 8)) + np.random.default_rng(0).normal(0, 5, (180, 8, 8))
    mixed = np.concatenate([blurred.clip(0, 255).astype(np.uint8), DIGITS[:20]])
    np.savez(tmp_path / "mixed.npz", images=mixed[:, :, :, None])
    top = ("human_study.top_percent=10", "human_study.top_by=classifier_score")
    _, found = images(tmp_path, f"human_study.compare=[{tmp_path}/mixed.npz]", *top)
    clear = {image.tobytes() for image in DIGITS[:20]}
    assert len(found["mixed"]) == 20
    assert sum(image.tobytes() in clear for image in found["mixed"]) >= 18


@pytest.mark.slow
def test_trained_runs_are_compared_on_the_data_that_they_learnt(tmp_path: Path) -> None:
    small = ["budget=smoke", "tracking.mode=disabled", "metrics.names=[]", f"output_root={tmp_path / 'runs'}"]
    assert cli.run([*small, "seed=1"]) == 0 == cli.run([*small, "seed=2"])
    runs = sorted((tmp_path / "runs" / "default").iterdir())
    reals, found = images(tmp_path, f"human_study.compare=[{runs[0]},{runs[1]}]")
    assert sorted(found) == [run.name for run in runs] and reals.shape[1:] == (1, 8, 8)
    assert all(each.shape == (40, 1, 8, 8) and each.dtype == np.uint8 for each in found.values())
    assert (found[runs[0].name] != found[runs[1].name]).any()
    again = images(tmp_path, f"human_study.compare=[{runs[0]}]")[1][runs[0].name]
    assert (again == found[runs[0].name]).all()


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=DIGITS[:5, :, :, None])
    with pytest.raises(UsageError, match="a names two of them"):
        images(tmp_path, f"human_study.compare=[{tmp_path}/a.npz,{tmp_path}/a.npz]")


@pytest.mark.integration
def test_real_images_are_those_that_the_run_was_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    arrays = {"x_train": DIGITS[:200], "x_test": DIGITS[200:260]}
    np.savez(path, **arrays)
    small = ["budget=smoke", "training.steps=2", "tracking.mode=disabled", "metrics=none", "technique=none"]
    own = ["dataset=npz", f"dataset.path={path}", "architecture=digits_mlp", "objective=non_saturating"]
    assert cli.run([*small, *own, f"output_root={tmp_path / 'runs'}", f"data_root={tmp_path / 'data'}"]) == 0
    (run,) = (tmp_path / "runs" / "default").iterdir()
    reals, _ = images(tmp_path, f"human_study.compare=[{run}]")
    assert (reals[:, 0] == DIGITS[200:260]).all()
    np.savez(path, **(arrays | {"x_test": DIGITS[300:360]}))
    with pytest.raises(UsageError, match="was trained on data with checksum"):
        images(tmp_path, f"human_study.compare=[{run}]")
    np.savez(tmp_path / "moved.npz", **arrays)
    moved = ["dataset=npz", f"dataset.path={tmp_path / 'moved.npz'}"]
    reals, _ = images(tmp_path, f"human_study.compare=[{run}]", *moved)
    assert (reals[:, 0] == DIGITS[200:260]).all()
