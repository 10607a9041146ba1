"""Small image sets and evidence for tests."""

from typing import Any

import numpy as np
import torch

from improved_gan.metrics.extraction import ClassSums, Features, RunningMoments
from improved_gan.metrics.inputs import ImageSet, MetricInputs


def image_set(images: np.ndarray, name: str = "made", split: str | None = None) -> ImageSet:
    """`images` by the name that they go by."""
    return ImageSet(name, f"{name} {split}", images, None, split)


def random_images(count: int, seed: int, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, size, size), dtype=np.uint8)


def evidence_of(samples: np.ndarray, **more: Any) -> MetricInputs:
    """Samples and whatever else; features are the pixels, and so are the logits."""
    return MetricInputs(image_set(samples), more.pop("reference", None), pixel_features, **more)


def pixel_features(network: str, images: ImageSet) -> Features:
    values = torch.from_numpy(np.array(images.images)).flatten(1).float()
    moments, classes = RunningMoments(), ClassSums(len(values), 2)
    moments.add(values)
    classes.add(values)
    return Features(f"{network}-pixels", moments.moments(), classes.statistics(), values, values)
