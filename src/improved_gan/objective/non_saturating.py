"""The game with the non-saturating generator loss: the generator minimises -E log D(G(z)) = E softplus(-l)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.binary_cross_entropy import binary_cross_entropy
from improved_gan.objective.two_class import TwoClass


@dataclass(frozen=True)
class NonSaturating(TwoClass):
    """One logit; the generator's gradient stays large while the discriminator is sure of itself."""

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """Cross-entropy of D(G(z)) against `target`."""
        return binary_cross_entropy(self.realness(fake_logits), target)
