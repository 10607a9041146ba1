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

    def real_loss(self, logits: Float[Tensor, "batch 1"], target: float) -> Float[Tensor, ""]:
        """softplus(l) - t l with `target` t: softplus(-l) for 1, softplus(l) for 0, as generated images have it."""
        return binary_cross_entropy(self.realness(logits), target)

    fake_loss = real_loss
