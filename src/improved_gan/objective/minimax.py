"""The minimax game of section 2: the generator minimises E log(1 - D(G(z))) = -E softplus(l)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.binary_cross_entropy import saturating_loss
from improved_gan.objective.two_class import TwoClass


@dataclass(frozen=True)
class Minimax(TwoClass):
    """One logit; the generator's gradient vanishes where the discriminator is sure of itself."""

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """Mean of log(1 - D(G(z))), which has no other target than 1."""
        assert target == 1
        return saturating_loss(self.realness(fake_logits))
