"""The Wasserstein distance by a critic with clipped weights (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1).

    D: E D(G(z)) - E D(x),  then every trained parameter is clipped to [-c, c]        G: - E D(G(z))

The critic's loss is minus an estimate of the distance, up to the factor that its steepness gives. Its zero means
nothing, so neither does the share of images that it calls real.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.one_logit import OneLogit


@dataclass(frozen=True)
class Critic(OneLogit):
    """What the two Wasserstein objectives share; how the critic is kept from growing steep is theirs."""

    def real_loss(self, logits: Float[Tensor, "real 1"], target: float) -> Float[Tensor, ""]:
        """- E l."""
        assert target == 1
        return -logits.mean()

    def fake_loss(self, logits: Float[Tensor, "fake 1"], target: float) -> Float[Tensor, ""]:
        """E l."""
        assert target == 0
        return logits.mean()

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """- E l_fake."""
        assert target == 1
        return -fake_logits.mean()


@dataclass(frozen=True)
class Wasserstein(Critic):
    """The critic's parameters are clipped after each of its steps.

    Of a weight-normalised layer that is its direction v, whose rows the norm bounds anyway, its bias, and its gain
    where it is trained.
    """

    clip: float  # c, above 0

    @torch.no_grad()
    def constrain(self, parameters: Iterable[Tensor]) -> None:
        """Clip each to [-c, c], in place."""
        for parameter in parameters:
            parameter.clamp_(-self.clip, self.clip)
