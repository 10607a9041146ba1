"""Mode coverage against samplers whose coverage is known."""

import math

import pytest
import torch

from improved_gan.metrics.mode_coverage import (
    GRID_DEVIATION,
    RING_DEVIATION,
    captured,
    class_counts,
    divergence_from_uniform,
    grid_modes,
    modes_captured,
    ring_modes,
    stacked_classes,
)

PERFECT = 1 - math.exp(-4.5)  # of a Gaussian in the plane, the share within 3 deviations: 98.89%


def test_the_ring_has_eight_different_modes_on_the_unit_circle() -> None:
    ring = ring_modes()
    assert ring.norm(dim=1).tolist() == pytest.approx([1] * 8)
    assert torch.pdist(ring).min() == pytest.approx(2 * math.sin(math.pi / 8), abs=1e-6)


def test_the_grid_reaches_from_minus_4_to_4() -> None:
    grid = grid_modes()
    assert grid.shape == (25, 2) and grid.min() == -4 and grid.max() == 4 and torch.pdist(grid).min() == 2


@pytest.mark.parametrize(("centres", "deviation"), [(ring_modes(), RING_DEVIATION), (grid_modes(), GRID_DEVIATION)])
def test_a_perfect_sampler(centres: torch.Tensor, deviation: float) -> None:
    source = torch.Generator().manual_seed(0)
    which = torch.randint(len(centres), (200_000,), generator=source)
    samples = centres[which] + deviation * torch.randn(len(which), 2, generator=source)
    modes, fraction = captured(samples, centres, deviation)
    assert modes == len(centres) and fraction == pytest.approx(PERFECT, abs=1e-3)


def test_a_collapsed_sampler_and_one_that_hits_nothing() -> None:
    ring = ring_modes()
    assert captured(ring[3].repeat(10, 1), ring, RING_DEVIATION) == (1, 1.0)
    assert captured(torch.zeros(10, 2), ring, RING_DEVIATION) == (0, 0.0)


def test_a_sample_counts_up_to_three_deviations_away() -> None:
    samples = torch.tensor([[1 + 2.9 * RING_DEVIATION, 0.0], [1 + 3.1 * RING_DEVIATION, 0.0]])
    assert captured(samples, ring_modes(), RING_DEVIATION) == (1, 0.5)


def test_stacked_digits_are_a_number() -> None:
    assert stacked_classes(torch.tensor([[0, 0, 7], [1, 2, 3], [9, 9, 9]])).tolist() == [7, 123, 999]


def test_divergence_from_uniform() -> None:
    counts = class_counts(torch.zeros(26_000, dtype=torch.int64), 1000)
    assert modes_captured(counts) == 1 and divergence_from_uniform(counts) == pytest.approx(math.log(1000))  # 6.908
    assert divergence_from_uniform(torch.full((1000,), 26)) == pytest.approx(0, abs=1e-12)
    half = class_counts(torch.arange(500).repeat(52), 1000)
    assert modes_captured(half) == 500 and divergence_from_uniform(half) == pytest.approx(math.log(2))


def test_a_perfect_sampler_of_stacked_mnist_has_the_published_divergence() -> None:
    source = torch.Generator().manual_seed(0)
    digits = torch.randint(10, (26_000, 3), generator=source)
    assert divergence_from_uniform(class_counts(stacked_classes(digits), 1000)) == pytest.approx(0.019, abs=0.002)
