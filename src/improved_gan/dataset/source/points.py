"""Points of mixtures of Gaussians whose modes are known: ring and grid (arXiv 1705.07761), a spiral, and on a line."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from improved_gan.dataset.prepared import Modes, SourceSplit
from improved_gan.dataset.source import Dataset, Shape, Source
from improved_gan.nodes import DatasetConfig, PointsConfig, SyntheticConfig
from improved_gan.schema import UsageError


def check(config: DatasetConfig, run: Any) -> None:
    """What is to be drawn is known, and in as many dims as the config says."""
    points = config.points
    if points is None:
        raise UsageError(f"dataset.source=points: is not that of dataset={config.name}; choose a data set by its name")
    if points.arrangement == "line":
        listed = {"means": points.means, "stds": points.stds, "weights": points.weights}
        for name, values in listed.items():
            if not values or len(values) != len(points.means or []) or not all(map(math.isfinite, values)):
                raise UsageError(f"dataset.points.{name}={values}: must be as many numbers as there are modes")
            if name != "means" and min(values) <= 0:
                raise UsageError(f"dataset.points.{name}={values}: must be greater than 0")
    else:
        for name in ("modes", "radius", "std", *(["turns"] if points.arrangement == "spiral" else [])):
            if getattr(points, name) is None:
                raise UsageError(f"dataset.points.{name}=null: must be a number for arrangement {points.arrangement}")
        if points.arrangement == "grid" and math.isqrt(points.modes or 0) ** 2 != points.modes:
            raise UsageError(f"dataset.points.modes={points.modes}: must be a square number, such as 25, for a grid")
    if config.image_shape != (shape := [1, 1, 1] if points.arrangement == "line" else [2, 1, 1]):
        raise UsageError(
            f"dataset.image_shape={config.image_shape}: must be {shape} for arrangement {points.arrangement}"
        )


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """Nowhere: points are drawn, and need no files."""
    assert config.points is not None and config.synthetic is not None
    modes, drawn = modes_of(config.points), config.synthetic
    request, origin = f"dataset={config.name}", f"drawn: {config.points.arrangement}"
    recipe = repr((drawn, config.points))
    return Source(config.name, request, origin, None, [], shape, lambda _: draw_points(modes, drawn), recipe)


def ring_centres(count: int, radius: float) -> Float64[np.ndarray, "{count} 2"]:
    """`count` points on a circle, equally far apart: the angle 2 pi is not one beside 0."""
    angles = np.arange(count) * (2 * math.pi / count)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def grid_centres(count: int, radius: float) -> Float64[np.ndarray, "{count} 2"]:
    """A square of `count` = side² points from -radius to radius in either direction, row by row."""
    side = np.linspace(-radius, radius, math.isqrt(count))
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def spiral_centres(count: int, radius: float, turns: float) -> Float64[np.ndarray, "{count} 2"]:
    """`count` points along an Archimedean spiral that ends at `radius`, equally far apart in length of the curve."""
    angles = np.linspace(0, 2 * math.pi * turns, 100 * count)
    curve = (radius / angles[-1] * angles)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    length = np.append(0.0, np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum())
    at = np.interp((np.arange(count) + 0.5) * length[-1] / count, length, angles)
    return (radius / angles[-1] * at)[:, None] * np.stack([np.cos(at), np.sin(at)], axis=1)


def modes_of(config: PointsConfig) -> Modes:
    """The Gaussians that `config` describes."""
    if config.arrangement == "line":
        assert config.means is not None and config.stds is not None and config.weights is not None
        weights = np.array(config.weights, dtype=np.float64)
        centres, deviations = np.array(config.means, dtype=np.float64)[:, None], np.array(config.stds, np.float64)
        return Modes(centres, deviations, weights / weights.sum())
    assert config.modes is not None and config.radius is not None and config.std is not None
    match config.arrangement:
        case "ring":
            centres = ring_centres(config.modes, config.radius)
        case "grid":
            centres = grid_centres(config.modes, config.radius)
        case _:
            assert config.turns is not None
            centres = spiral_centres(config.modes, config.radius, config.turns)
    return Modes(centres, np.full(config.modes, config.std), np.full(config.modes, 1 / config.modes))


def draw_points(modes: Modes, config: SyntheticConfig) -> dict[str, SourceSplit]:
    """Both splits, float32 (N, D, 1, 1), each point labelled with the number of its mode."""
    source = np.random.RandomState(config.seed)  # the same in every version of numpy
    splits = {}
    for split, count in (("train", config.train), ("test", config.test)):
        labels = source.choice(len(modes.weights), size=count, p=modes.weights).astype(np.int64)
        noise = source.standard_normal((count, modes.centres.shape[1]))
        points = (modes.centres[labels] + modes.deviations[labels, None] * noise).astype(np.float32)
        shape = (points.shape[1], 1, 1)
        splits[split] = SourceSplit(count, shape, _whole(points.reshape(count, *shape)), labels, None, "float32", modes)
    return splits


def _whole(points: np.ndarray) -> Iterator[np.ndarray]:
    yield points


DATASET = Dataset(find=find, check=check, synthetic=True)
