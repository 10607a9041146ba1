"""How many of the known modes a generator finds: of points by their nearest Gaussian, of images by a classifier.

Protocols of VEEGAN (arXiv 1705.07761) and PacGAN (arXiv 1712.04086): 2,500 points, of which a perfect sampler of
Gaussians in the plane has 98.89% of high quality; 26,000 images of stacked MNIST.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from improved_gan.metrics.inputs import MetricInputs, Modes, Score

HIGH_QUALITY_WITHIN = 3.0  # standard deviations of the nearest mode


class ModeCounts(NamedTuple):
    """Samples of each mode; of points also how many of them are of high quality."""

    counts: Int[Tensor, " mode"]
    expected: Float[Tensor, " mode"]  # the share of each mode among the reals
    high_quality: Int[Tensor, " mode"] | None
    network: str


def nearest_modes(points: Float[Tensor, "n coordinate"], modes: Modes) -> ModeCounts:
    """Each point counts for the mode that it is the fewest standard deviations away from: the nearest, if all are
    alike; it is of high quality within 3 of them."""
    distances = torch.cdist(points.double(), modes.centres, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = (distances / modes.deviations).min(dim=1)
    good = nearest.indices[nearest.values <= HIGH_QUALITY_WITHIN]
    count = len(modes.weights)
    return ModeCounts(class_counts(nearest.indices, count), modes.weights, class_counts(good, count), "nearest mode")


def class_counts(classes: Int[Tensor, " n"], count: int) -> Int[Tensor, " {count}"]:
    """How many of n samples are of each of `count` classes."""
    return torch.bincount(classes, minlength=count)


def count_captured_modes(counts: Int[Tensor, " mode"]) -> int:
    """Modes with at least one sample."""
    return int((counts > 0).sum())


def count_held_modes(high_quality: Int[Tensor, " mode"], samples: int) -> int:
    """Modes with at least half of an even share of all `samples` among their own samples of high quality."""
    return int((high_quality * 2 * len(high_quality) >= samples).sum())


def divergence(counts: Int[Tensor, " mode"], expected: Float[Tensor, " mode"]) -> float:
    """`mode_kl`: KL(generated || expected) in nats; 0 for the expected shares, at most -log of the smallest of them."""
    share = counts.double() / counts.sum()
    return float((torch.xlogy(share, share) - torch.xlogy(share, expected)).sum())


def uniform(count: int) -> Float[Tensor, " {count}"]:
    """Equal shares."""
    return torch.full((count,), 1 / count, dtype=torch.float64)


def modes_captured(inputs: MetricInputs) -> Score:
    """`modes_captured`: how many modes have a sample; one of high quality, where the samples are points."""
    found = _counts(inputs)
    captured = count_captured_modes(found.counts if found.high_quality is None else found.high_quality)
    return Score(float(captured), network=found.network, details={"counts": found.counts.tolist()})


def modes_held(inputs: MetricInputs) -> Score:
    """`modes_held`: modes that at least n/(2K) of all n samples are within 3 standard deviations of, of K modes."""
    found = _counts(inputs)
    assert found.high_quality is not None
    held = count_held_modes(found.high_quality, len(inputs.samples))
    return Score(float(held), network=found.network, details={"counts": found.high_quality.tolist()})


def high_quality_fraction(inputs: MetricInputs) -> Score:
    """`high_quality_fraction`: the share of points within 3 standard deviations of their mode."""
    found = _counts(inputs)
    assert found.high_quality is not None
    return Score(int(found.high_quality.sum()) / len(inputs.samples), network=found.network)


def mode_kl(inputs: MetricInputs) -> Score:
    """`mode_kl`: KL(modes of the samples || expected), in nats; beside it, that of the reals' labels."""
    found, reference, details = _counts(inputs), inputs.reference, {}
    if reference is not None and reference.labels is not None:
        real = class_counts(torch.from_numpy(np.array(reference.labels)), len(found.counts))
        details = {"of_reals": divergence(real, found.expected)}
    return Score(divergence(found.counts, found.expected), network=found.network, details=details)


def _counts(inputs: MetricInputs) -> ModeCounts:
    found: ModeCounts = inputs.once("modes of samples", lambda: _counted(inputs))
    return found


def _counted(inputs: MetricInputs) -> ModeCounts:
    if inputs.modes is not None:
        return nearest_modes(torch.from_numpy(np.array(inputs.samples.images)).flatten(1), inputs.modes)
    features = inputs.features("classifier")
    assert features.logits is not None
    count = features.logits.shape[1]
    return ModeCounts(class_counts(features.logits.argmax(dim=1), count), uniform(count), None, features.network)
