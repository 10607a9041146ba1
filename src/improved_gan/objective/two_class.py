"""What the objectives of section 2 share: one logit l, D = sigmoid(l), and the discriminator's cross-entropy."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.binary_cross_entropy import binary_cross_entropy
from improved_gan.objective.one_logit import OneLogit
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class TwoClass(OneLogit):
    """The discriminator of section 2: minimises unlabelled_weight (- E log D(x) - E log(1 - D(G(z))))."""

    realness_is: ClassVar[Realness] = "logit"

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real 1"],
        fake_logits: Float[Tensor, "fake 1"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """softplus(-l_real) + softplus(l_fake); with a target t each is softplus(l) - t l."""
        real = binary_cross_entropy(self.realness(real_logits), real_target)
        fake = binary_cross_entropy(self.realness(fake_logits), fake_target)
        return self.unlabelled_weight * (real + fake)
