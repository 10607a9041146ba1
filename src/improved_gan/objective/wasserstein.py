"""The Wasserstein distance by a critic with clipped weights (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1).

    D: E D(G(z)) - E D(x),  then every trained parameter is clipped to [-c, c]        G: - E D(G(z))

The critic's loss is minus an estimate of the distance, up to the factor that its steepness gives. Its zero means
nothing, so neither does the share of images that it calls real.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.record import Adversarial, Outputs, Targets


def wasserstein(config: ObjectiveConfig) -> Adversarial:
    """The critic's parameters are clipped after each of its steps.

    Of a weight-normalised layer that is its direction v, whose rows the norm bounds anyway, its bias, and its gain
    where it is trained.
    """
    assert config.clip is not None
    clip = config.clip

    @torch.no_grad()
    def constraint(parameters: Iterable[Tensor]) -> None:
        for parameter in parameters:
            parameter.clamp_(-clip, clip)

    return Adversarial(
        discriminator_loss=critic_loss(config.unlabelled_weight), generator_loss=minus_score, constraint=constraint
    )


def critic_loss(weight: float) -> Callable[[Outputs, Outputs, Targets], Tensor]:
    """The critic's loss: `weight` (E D(G(z)) - E D(x))."""

    def loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return weight * (-real.logits.mean() + fake.logits.mean())

    return loss


def minus_score(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    """The generator's loss: - E D(G(z))."""
    return -fake.logits.mean()
