"""Pictures of points: reals in grey, samples in colour where they lie, and axes that never move."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from improved_gan.training.point_plot import PointPicture


def reals(coordinates: int) -> np.ndarray:
    """Points at 0 and 1 in every coordinate."""
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * coordinates), axis=-1).reshape(-1, coordinates)
    return np.repeat(corners, 50, axis=0)[:, :, None, None].astype(np.float32)


def drawn(picture: PointPicture, points: list[list[float]], path: Path) -> np.ndarray:
    picture.save(torch.tensor(points)[:, :, None, None], path)
    return np.asarray(Image.open(path)).astype(int)


def blue(image: np.ndarray) -> np.ndarray:
    """Where (row, column) a picture is blue, below the legend."""
    found = np.argwhere(image[:, :, 2] - image[:, :, 0] > 60)
    return found[found[:, 0] > 40]


def test_samples_lie_where_they_are_and_reals_stay(tmp_path: Path) -> None:
    picture = PointPicture(reals(2))
    path = tmp_path / "step.png"
    middle, corner, outside = (
        drawn(picture, points, path) for points in ([[0.5, 0.5]], [[1.0, 1.0], [0.5, 0.5]], [[9.0, 9.0]])
    )
    (centre,) = [blue(middle).mean(axis=0)]
    places = blue(corner)
    upper_right = places[places[:, 0] < centre[0] - 20].mean(axis=0)
    assert centre == pytest.approx([195, 222], abs=15) and upper_right[1] > centre[1] + 20
    assert len(blue(outside)) == 0  # nothing of the pictures before is left, and the window is the same
    assert (outside == drawn(picture, [[-9.0, 9.0]], path)).all()
    words = np.argwhere((outside != middle).any(axis=2)[:40, :200])  # "100% of the samples are outside"
    assert len(words) > 100
    assert middle.shape == corner.shape == (420, 420, 3)


def test_a_density_is_of_all_samples(tmp_path: Path) -> None:
    picture = PointPicture(reals(1))
    near = drawn(picture, [[0.0], [1.0]] * 10, tmp_path / "near.png")
    partly = drawn(picture, [[0.0], [99.0]] * 10, tmp_path / "partly.png")
    right = near.shape[1] // 2
    assert (blue(near)[:, 1] > right).sum() > (blue(partly)[:, 1] > right).sum() + 10
    left = [image[40:, :right] for image in (near, partly)]  # below the words about those outside
    assert (left[0] == left[1]).all()  # half of all samples are there in both
