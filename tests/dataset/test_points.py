"""Points and stacked digits: drawn once, from the modes that they are said to come from."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.dataset.source.points import grid_centres, modes_of, ring_centres, spiral_centres


def load(name: str, *overrides: str) -> dataset.PreparedDataset:
    config = compose_jobs(["job=prepare", f"dataset={name}", *overrides])[0].config
    return dataset.load(config.dataset, Path(config.data_root))


def distances(points: np.ndarray) -> np.ndarray:
    """Between each two of `points`."""
    return np.linalg.norm(points[:, None] - points, axis=2)[np.triu_indices(len(points), 1)]


def test_the_ring_has_eight_different_modes_on_the_unit_circle() -> None:
    ring = ring_centres(8, 1.0)
    assert np.linalg.norm(ring, axis=1) == pytest.approx(np.ones(8))
    assert distances(ring).min() == pytest.approx(
        2 * math.sin(math.pi / 8)
    )  # linspace(0, 2 pi, 8) has 0: one mode twice


def test_the_grid_reaches_from_minus_4_to_4() -> None:
    grid = grid_centres(25, 4.0)
    assert {tuple(centre) for centre in grid.tolist()} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}


def test_the_spirals_modes_are_equally_far_apart_along_it() -> None:
    spiral = spiral_centres(100, 2.0, 2.0)
    radii = np.linalg.norm(spiral, axis=1)
    assert (np.diff(radii) > 0).all() and radii[-1] < 2.0 < radii[-1] * 1.01
    steps = np.linalg.norm(np.diff(spiral, axis=0), axis=1)[10:]  # at its centre the chord is shorter than the curve
    assert steps == pytest.approx(np.full(len(steps), steps.mean()), rel=0.02)


@pytest.mark.parametrize(
    ("name", "coordinates", "modes"), [("ring", 2, 8), ("grid", 2, 25), ("spiral", 2, 100), ("mixture", 1, 3)]
)
def test_points_are_their_modes_and_noise(name: str, coordinates: int, modes: int) -> None:
    made = load(name, "dataset.synthetic.train=20000")
    train, known = made.train, made.modes
    assert known is not None and train.labels is not None and made.test is not None
    assert train.images.shape == (20000, coordinates, 1, 1) and train.images.dtype == np.float32
    assert made.test.images.shape == (10000, coordinates, 1, 1) and made.classes == modes
    residues = (train.images[:, :, 0, 0] - known.centres[train.labels]) / known.deviations[train.labels, None]
    assert abs(residues.mean()) < 0.03 and residues.std() == pytest.approx(1, abs=0.03)
    assert np.bincount(train.labels) / 20000 == pytest.approx(known.weights, abs=0.015)
    assert known.weights.sum() == pytest.approx(1)
    assert json.loads((made.folder / "dataset.json").read_text())["dtype"] == "float32"


def test_points_are_drawn_once_and_again_only_for_another_recipe() -> None:
    first, again = load("ring"), load("ring")
    assert first.folder == again.folder
    other = load("ring", "dataset.points.std=0.02")
    assert other.folder != first.folder and other.checksum != first.checksum
    assert load("ring", "dataset.synthetic.seed=1").checksum != first.checksum
    assert first.test is not None
    assert not {tuple(point) for point in first.test.images[:, :, 0, 0].tolist()} & {
        tuple(point) for point in first.train.images[:, :, 0, 0].tolist()
    }


def test_weights_need_no_sum() -> None:
    config = compose_jobs(["job=prepare", "dataset=mixture", "dataset.points.weights=[2,1,1]"])[0].config
    assert config.dataset.points is not None
    assert modes_of(config.dataset.points).weights.tolist() == [0.5, 0.25, 0.25]


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A data root with 40 blank digits a split: all pixels of digit n are 20 n in training, 20 n + 1 in testing."""
    labels = np.arange(40) % 10
    pixels = np.broadcast_to((20 * labels).astype(np.uint8)[:, None, None], (40, 28, 28))
    np.savez(tmp_path / "mnist.npz", x_train=pixels, y_train=labels, x_test=pixels + np.uint8(1), y_test=labels)
    return tmp_path


def test_stacked_digits(digits: Path) -> None:
    small = ("dataset.synthetic.train=3000", "dataset.synthetic.test=10", f"data_root={digits}")
    made = load("stacked_mnist", *small)
    assert made.train.labels is not None and made.test is not None and made.test.labels is not None
    assert made.train.images.shape == (3000, 3, 28, 28) and made.train.images.dtype == np.uint8
    for split, offset in ((made.train, 0), (made.test, 1)):
        assert split.labels is not None
        read = (split.images[:, :, 5, 7].astype(int) - offset) // 20
        assert (read @ [100, 10, 1] == split.labels).all()
    assert made.classes == 1000 and len(np.unique(made.train.labels)) > 900
    assert load("stacked_mnist", *small).checksum == made.checksum
    assert load("stacked_mnist", *small, "dataset.synthetic.seed=1").checksum != made.checksum


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["dataset=ring", "architecture=mnist_mlp"],
            "but dataset=ring holds points; choose architecture=toy_mlp",
        ),
        (["architecture=toy_mlp"], "architecture=toy_mlp: makes points, but dataset=digits holds 8x8 with 1 channel"),
        (["dataset=digits", "dataset.source=points"], "choose a data set by its name"),
        (["dataset=ring", "dataset.source=npz", "dataset.path=/etc/hostname"], "choose a data set by its name"),
        (["dataset=grid", "architecture=toy_mlp", "dataset.points.modes=24"], "must be a square number"),
        (["dataset=ring", "architecture=toy_mlp", "dataset.points.radius=null"], "dataset.points.radius=null: must be"),
        (["dataset=mixture", "architecture=toy_mlp", "dataset.points.weights=[1,2]"], "must be as many numbers as"),
        (["dataset=mixture", "architecture=toy_mlp", "dataset.points.stds=[1,0,1]"], "must be greater than 0"),
        (["dataset=ring", "architecture=toy_mlp", "dataset.image_shape=[1,1,1]"], "must be [2, 1, 1]"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        compose_jobs(overrides)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
