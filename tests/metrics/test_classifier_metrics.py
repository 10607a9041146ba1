"""Scores over classes, with pixels in place of a classifier's logits."""

import math

import numpy as np
import pytest
from fake_inputs import evidence_of, image_set

from improved_gan.metrics.registry import METRICS


def of_classes(classes: list[int], size: int = 2) -> np.ndarray:
    """Images whose brightest pixel is their class: 4 classes at size 2."""
    made = np.zeros((len(classes), 1, size * size), np.uint8)
    made[np.arange(len(classes)), 0, classes] = 255
    return made.reshape(-1, 1, size, size)


def test_score_modes_and_divergence() -> None:
    inputs = evidence_of(of_classes([0, 1, 0, 1]), reference=image_set(of_classes([0, 1, 2, 3]), split="train"))
    assert METRICS["classifier_score"].compute(inputs).value == pytest.approx(2)
    assert METRICS["modes_captured"].compute(inputs).value == 2
    score = METRICS["mode_kl"].compute(inputs)
    assert score.value == pytest.approx(math.log(2)) and score.network == "classifier-pixels"


def test_distance_of_a_set_to_itself_is_zero() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 2, 2), dtype=np.uint8)
    score = METRICS["frechet_classifier_distance"].compute(
        evidence_of(images, reference=image_set(images, split="train"))
    )
    assert score.value == pytest.approx(0, abs=1e-6) and score.split == "train"
