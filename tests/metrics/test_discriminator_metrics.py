"""What discriminators say: shares, accuracies and log D, from logits that are known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from fake_inputs import evidence_of, image_set, random_images
from torch import Tensor

from improved_gan.metrics import discriminator_metrics
from improved_gan.metrics.inputs import EvalDiscriminator, MetricUnavailable
from improved_gan.metrics.registry import METRICS


def by_first_pixel(images: np.ndarray) -> Tensor:
    """A judge that calls an image real if its first pixel is bright."""
    return torch.from_numpy(images[:, 0, 0, 0].astype(np.float32)) - 127.5


JUDGE = EvalDiscriminator(by_first_pixel, None, batch_size=10)


def images(first_pixels: list[int]) -> np.ndarray:
    made = np.zeros((len(first_pixels), 1, 4, 4), np.uint8)
    made[:, 0, 0, 0] = first_pixels
    return made


def test_pure_functions() -> None:
    real, fake = torch.tensor([3.0, 1.0, -2.0, 4.0]), torch.tensor([-1.0, -1.0, 2.0, -5.0])
    assert discriminator_metrics.classified_real(real) == 0.75
    assert discriminator_metrics.accuracy(real, fake) == 0.75
    assert discriminator_metrics.accuracy(real, real) == 0.5
    assert discriminator_metrics.mean_log_sigmoid(torch.tensor([0.0, 0.0])) == pytest.approx(-math.log(2))
    assert discriminator_metrics.mean_log_sigmoid(torch.tensor([math.log(3)])) == pytest.approx(math.log(0.75))


def test_halves_share_nothing_and_leave_nothing_out() -> None:
    train, test = discriminator_metrics.halves(11, seed=3)
    assert len(train) == 5 and sorted(torch.cat([train, test]).tolist()) == list(range(11))


def test_the_runs_own_discriminator() -> None:
    inputs = evidence_of(
        images([0, 0, 0, 255]), discriminator=JUDGE, held_out=image_set(images([255, 255, 0, 0]), split="test")
    )
    assert METRICS["real_vs_fake_ratio"].compute(inputs).value == 0.25
    score = METRICS["discriminator_accuracy"].compute(inputs)
    assert score.value == (0.5 + 0.75) / 2 and score.details["held_out_classified_real"] == 0.5


def test_overfitting_is_the_gap_of_log_d() -> None:
    train, held_out = image_set(images([128] * 6), split="train"), image_set(images([127] * 6), split="test")
    inputs = evidence_of(images([0, 0]), discriminator=JUDGE, reference=train, held_out=held_out)
    score = METRICS["discriminator_overfitting"].compute(inputs)
    assert score.value == pytest.approx(0.5)  # log sigmoid(l) - log sigmoid(-l) = l, and the logits are 1/2 and -1/2
    with pytest.raises(MetricUnavailable, match="reference_split=train"):
        METRICS["discriminator_overfitting"].compute(
            evidence_of(images([0]), discriminator=JUDGE, reference=held_out, held_out=held_out)
        )


def test_a_fresh_discriminator_sees_only_the_other_half() -> None:
    reals, samples = random_images(20, seed=1), random_images(30, seed=2)
    seen: list[np.ndarray] = []

    def train_critic(kind: str, real: np.ndarray, fake: np.ndarray, seed: int) -> Callable[[np.ndarray], torch.Tensor]:
        seen.extend([real, fake])
        return lambda images: torch.ones(len(images))

    inputs = evidence_of(samples, held_out=image_set(reals, split="test"), train_critic=train_critic, seed=5)
    score = METRICS["real_vs_fake_accuracy"].compute(inputs)
    assert score.value == 0.5  # it calls everything real
    assert score.samples == 10 and len(seen[0]) == len(seen[1]) == 10
    train, test = discriminator_metrics.halves(20, seed=5)
    assert np.array_equal(seen[0], reals[train]) and not set(train.tolist()) & set(test.tolist())
