"""What the objectives without classes share: one logit l, D = sigmoid(l), and the discriminator's cross-entropy."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from improved_gan.objective.binary_cross_entropy import binary_cross_entropy


@dataclass(frozen=True)
class TwoClass:
    """The discriminator of section 2: minimises unlabelled_weight (- E log D(x) - E log(1 - D(G(z))))."""

    unlabelled_weight: float

    trains_generator = True
    uses_labels = False

    def outputs(self, classes: int | None) -> int:
        """One logit, whatever the classes."""
        return 1

    def realness(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, " batch"]:
        """The logit itself."""
        return logits[:, 0]

    def class_logits(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch class"]:
        """There are none, and asking for them is a mistake in the code."""
        raise AssertionError("a discriminator with one logit knows no classes")

    def labelled_loss(self, logits: Float[Tensor, "batch 1"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """There is none, and asking for it is a mistake in the code."""
        raise AssertionError("a discriminator with one logit knows no classes")

    def discriminator_loss(
        self, real_logits: Float[Tensor, "real 1"], fake_logits: Float[Tensor, "fake 1"], real_target: float = 1.0
    ) -> Float[Tensor, ""]:
        """softplus(-l_real) + softplus(l_fake); with a target alpha the first is softplus(l_real) - alpha l_real."""
        real = binary_cross_entropy(self.realness(real_logits), real_target)
        fake = binary_cross_entropy(self.realness(fake_logits), 0.0)
        return self.unlabelled_weight * (real + fake)
