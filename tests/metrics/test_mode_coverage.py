"""Mode coverage against samplers whose coverage is known."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from fake_inputs import evidence_of, image_set

from improved_gan.dataset.points import grid_centres, ring_centres
from improved_gan.metrics.inputs import MetricInputs, Modes
from improved_gan.metrics.mode_coverage import class_counts, count_captured_modes, divergence, nearest_modes, uniform
from improved_gan.metrics.registry import METRICS


def equal_modes(centres: np.ndarray, deviation: float) -> Modes:
    count = len(centres)
    return Modes(torch.from_numpy(centres), torch.full((count,), deviation).double(), uniform(count))


RING, GRID = equal_modes(ring_centres(8, 1.0), 0.01), equal_modes(grid_centres(25, 4.0), 0.05)
LINE = Modes(
    torch.tensor([[0.0], [1.0]], dtype=torch.float64),
    torch.tensor([0.5, 0.05], dtype=torch.float64),
    torch.tensor([0.9, 0.1], dtype=torch.float64),
)
PERFECT = 1 - math.exp(-4.5)  # of a Gaussian in the plane, the share within 3 deviations: 98.89%


def inputs(points: torch.Tensor, modes: Modes, **more: Any) -> MetricInputs:
    return evidence_of(points.float()[:, :, None, None].numpy(), modes=modes, **more)


def value(metric: str, points: torch.Tensor, modes: Modes) -> float:
    return METRICS[metric].compute(inputs(points, modes)).value


def drawn(modes: Modes, count: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    which = torch.multinomial(modes.weights, count, replacement=True, generator=source)
    noise = torch.randn(count, modes.centres.shape[1], generator=source)
    return modes.centres[which] + modes.deviations[which, None] * noise


@pytest.mark.parametrize("modes", [RING, GRID])
def test_a_perfect_sampler(modes: Modes) -> None:
    samples = drawn(modes, 200_000)
    assert value("modes_captured", samples, modes) == len(modes.centres)
    assert value("high_quality_fraction", samples, modes) == pytest.approx(PERFECT, abs=1e-3)
    assert value("mode_kl", samples, modes) == pytest.approx(0, abs=2e-4)


def test_a_collapsed_sampler_and_one_that_hits_nothing() -> None:
    one = RING.centres[3].repeat(10, 1)
    assert (value("modes_captured", one, RING), value("high_quality_fraction", one, RING)) == (1, 1)
    assert value("mode_kl", one, RING) == pytest.approx(math.log(8))
    middle = torch.zeros(10, 2)
    assert (value("modes_captured", middle, RING), value("high_quality_fraction", middle, RING)) == (0, 0)


def test_a_mode_is_held_from_half_an_even_share_on_and_by_samples_of_high_quality_alone() -> None:
    ring = RING.centres[[0] * 20 + [1] * 5 + [2] * 4]
    near = RING.centres[[3] * 11] * 1.02  # two deviations away
    far = RING.centres[[4] * 40] * 1.05  # five
    assert value("modes_held", torch.cat([ring, near, far]), RING) == 3  # 80 samples, 5 a mode
    assert value("modes_captured", torch.cat([ring, near, far]), RING) == 4
    assert value("modes_held", drawn(RING, 2500), RING) == 8
    assert value("modes_held", torch.zeros(10, 2), RING) == 0


def test_a_sample_counts_up_to_three_deviations_away() -> None:
    samples = torch.tensor([[1 + 2.9 * 0.01, 0.0], [1 + 3.1 * 0.01, 0.0]])
    found = nearest_modes(samples, RING)
    assert found.counts.tolist() == [2, *[0] * 7] and found.high_quality is not None
    assert found.high_quality.tolist() == [1, *[0] * 7]


def test_far_is_counted_in_each_modes_own_deviations() -> None:
    found = nearest_modes(torch.tensor([[0.8], [0.95], [-1.4], [1.6]]), LINE)  # .8: 1.6 of one, 4 of the other
    assert found.counts.tolist() == [3, 1] and found.high_quality is not None and found.high_quality.tolist() == [2, 1]


def test_unequal_modes_are_expected_unequally() -> None:
    samples = torch.tensor([0.0] * 9 + [1.0])[:, None]
    assert value("mode_kl", samples, LINE) == pytest.approx(0, abs=1e-12)
    half = torch.tensor([0.0, 1.0])[:, None]
    assert value("mode_kl", half, LINE) == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1))


def test_counts_go_along_and_so_does_the_divergence_of_the_reals() -> None:
    points = LINE.centres[[0, 0, 1]]
    reference = image_set(points.float()[:, :, None, None].numpy(), split="test")
    assert METRICS["modes_captured"].compute(inputs(points, LINE)).details["counts"] == [2, 1]
    score = METRICS["mode_kl"].compute(inputs(points, LINE, reference=reference))
    assert score.network == "nearest mode" and score.details == {}  # reals without labels


def test_divergence_from_uniform() -> None:
    counts = class_counts(torch.zeros(26_000, dtype=torch.int64), 1000)
    assert count_captured_modes(counts) == 1
    assert divergence(counts, uniform(1000)) == pytest.approx(math.log(1000))  # 6.908
    assert divergence(torch.full((1000,), 26), uniform(1000)) == pytest.approx(0, abs=1e-12)
    half = class_counts(torch.arange(500).repeat(52), 1000)
    assert count_captured_modes(half) == 500 and divergence(half, uniform(1000)) == pytest.approx(math.log(2))


def test_a_perfect_sampler_of_stacked_mnist_has_the_published_divergence() -> None:
    classes = torch.randint(1000, (26_000,), generator=torch.Generator().manual_seed(0))
    assert divergence(class_counts(classes, 1000), uniform(1000)) == pytest.approx(0.019, abs=0.002)
