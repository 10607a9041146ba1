"""What a run metrics of itself: nothing is uploaded twice, sums lie where features come from."""

import math

import pytest
import torch
from small_runs import small_trainer

from improved_gan.metrics.extraction import ClassSums


@pytest.mark.parametrize(
    ("value", "finite"), [(1e30, True), (-3e38, True), (math.nan, False), (math.inf, False), (-math.inf, False)]
)
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_one_weight_that_is_no_number_is_found(player: str, value: float, finite: bool) -> None:
    trainer = small_trainer("device=cpu")
    assert trainer.weights_are_finite()
    with torch.no_grad():
        list(getattr(trainer.pair, player).parameters())[-1].view(-1)[-1] = value
    assert trainer.weights_are_finite() is finite


def test_a_split_is_placed_on_the_device_once() -> None:
    trainer = small_trainer("device=cpu")
    split, _ = trainer.evaluation_split()
    assert trainer._images(split) is trainer._images(split)
    assert trainer._images(trainer.dataset.train) is trainer.batches.images
    assert trainer._images(split) is not trainer.batches.images


def test_sums_of_class_probabilities_stay_on_the_device_of_the_logits() -> None:
    """`meta` tensors can be neither read nor copied to the CPU: any of that would fail here."""
    sums = ClassSums(10, 2)
    for _ in range(2):
        sums.add(torch.empty(5, 3, device="meta"))
    assert sums.summed is not None and sums.summed.is_meta and sums.counts.is_meta and sums.negentropy.is_meta
