"""Wasserstein distances of sets whose distance is known, and against POT."""

import math
from collections.abc import Callable

import numpy as np
import ot
import pytest
import torch
from fake_inputs import evidence_of, image_set, random_images

from improved_gan.metrics.inputs import as_entry
from improved_gan.metrics.registry import METRICS
from improved_gan.metrics.wasserstein_distances import (
    directions,
    earth_movers_distance_between,
    sliced_wasserstein_distance,
)


def test_directions_are_unit_vectors() -> None:
    assert directions(5, 7, seed=0).norm(dim=0).tolist() == pytest.approx([1] * 7)


def test_sliced_distance_of_a_shift_is_its_length_over_the_root_of_the_dimension() -> None:
    # Along direction t the distance is |c.t|, and E (c.t)^2 = |c|^2 / d.
    points = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([3.0, 0, 0, 4.0, 0, 0])
    along = directions(6, 40_000, seed=1)
    value, error = sliced_wasserstein_distance(points @ along, (points + shift) @ along)
    assert value == pytest.approx(5 / math.sqrt(6), abs=4 * error) and error < 0.02


def test_sliced_distance_equals_pots() -> None:
    source = torch.Generator().manual_seed(0)
    first, second = torch.randn(40, 5, generator=source), torch.randn(40, 5, generator=source) * 2 + 1
    along = directions(5, 30, seed=2)
    value, _ = sliced_wasserstein_distance(first @ along, second @ along)
    expected = ot.sliced_wasserstein_distance(first.numpy(), second.numpy(), projections=along.numpy())
    assert value == pytest.approx(float(expected), rel=1e-5)


def test_earth_movers_distance_moves_each_point_to_its_shifted_self() -> None:
    points = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)) * 0.01
    assert earth_movers_distance_between(points, points) == pytest.approx(0, abs=1e-6)
    assert earth_movers_distance_between(points, points[torch.randperm(30)] + 2.0) == pytest.approx(4, rel=1e-4)


def test_measures_of_identical_and_of_shifted_images() -> None:
    reals = random_images(60, seed=0) // 2
    reference = image_set(reals, split="train")
    assert METRICS["sliced_wasserstein"].compute(evidence_of(reals, reference=reference)).value == 0
    shifted = evidence_of(reals + np.uint8(51), reference=reference)  # by 1/5 in every pixel: |c| / root d = 1/5
    score = METRICS["sliced_wasserstein"].compute(shifted)
    assert score.spread is not None and score.value == pytest.approx(0.2, abs=4 * score.spread)
    entry = as_entry(score, shifted.samples)
    assert entry["stderr"] == score.spread and entry["stderr_over"] == "512 directions" and "std" not in entry
    moved = METRICS["earth_movers_distance"].compute(shifted)
    assert moved.value > moved.details["between_reals"] > 0 and moved.samples == 30


def test_critic_score_is_the_mean_difference_on_the_other_halves() -> None:
    reals, samples = random_images(10, seed=0) // 2 + np.uint8(100), random_images(10, seed=1) // 2

    def train_critic(kind: str, real: np.ndarray, fake: np.ndarray, seed: int) -> Callable[[np.ndarray], torch.Tensor]:
        assert kind == "critic"
        return lambda images: torch.from_numpy(images.mean(axis=(1, 2, 3)))

    inputs = evidence_of(samples, held_out=image_set(reals, split="test"), train_critic=train_critic)
    score = METRICS["wasserstein_critic"].compute(inputs)
    assert score.value == pytest.approx(100, abs=30) and score.samples == 5 and score.details["trained_on"] == 10
