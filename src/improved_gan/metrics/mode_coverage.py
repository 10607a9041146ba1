"""How many of the known modes a generator finds: ring and grid of Gaussians, stacked MNIST, classes of images.

Protocols of VEEGAN (arXiv 1705.07761) and PacGAN (arXiv 1712.04086); a perfect sampler scores 98.89% high quality.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

RING_DEVIATION, GRID_DEVIATION = 0.01, 0.05
HIGH_QUALITY_WITHIN = 3.0  # standard deviations of the nearest mode


def ring_modes(count: int = 8, radius: float = 1.0) -> Float[Tensor, "mode 2"]:
    """Centres of `count` Gaussians on a circle; the angle 2 pi is not a mode beside 0."""
    angles = torch.arange(count) * (2 * math.pi / count)
    return radius * torch.stack([angles.cos(), angles.sin()], dim=1)


def grid_modes() -> Float[Tensor, "25 2"]:
    """Centres of 25 Gaussians at {-4, -2, 0, 2, 4}^2."""
    side = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(side, side)


def captured(samples: Float[Tensor, "n 2"], centres: Float[Tensor, "mode 2"], deviation: float) -> tuple[int, float]:
    """`modes`, those with a high-quality sample, and `high_quality_fraction`, within 3 deviations of the nearest."""
    distances, nearest = torch.cdist(samples, centres, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distances <= HIGH_QUALITY_WITHIN * deviation
    return len(nearest[good].unique()), float(good.float().mean())


def class_counts(classes: Int[Tensor, " n"], count: int) -> Int[Tensor, " {count}"]:
    """How many of n samples are of each of `count` classes."""
    return torch.bincount(classes, minlength=count)


def stacked_classes(digits: Int[Tensor, "n channel"]) -> Int[Tensor, " n"]:
    """Stacked MNIST's class, 0..999, of the digits that a classifier reads in the three channels."""
    return digits @ 10 ** torch.arange(digits.shape[1] - 1, -1, -1)


def modes_captured(counts: Int[Tensor, " mode"]) -> int:
    """Modes with at least one sample."""
    return int((counts > 0).sum())


def divergence_from_uniform(counts: Int[Tensor, " mode"]) -> float:
    """`mode_kl`: KL(generated || uniform) in nats; 0 for equal counts, log of the number of modes for a single one."""
    share = counts.double() / counts.sum()
    return math.log(len(counts)) + float(torch.xlogy(share, share).sum())
