"""The K+1-class discriminator (section 5): K classes of real data, and one more for generated images.

With Z(x) = sum_k exp l_k(x) and the generated class's logit fixed at 0, D(x) = Z / (Z + 1) = sigmoid(log Z), and

    L_labelled   = - E log softmax(l(x))_y
    L_unlabelled = - 1/2 E log D(x) - 1/2 E log(1 - D(G(z)))

The 1/2 is the release's; the paper has none (and nor has the ImageNet model: unlabelled_weight=2). With alpha for the
reals' target the real term is 1/2 E[softplus(log Z) - alpha log Z]; the other terms are never smoothed.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from improved_gan.config import UsageError
from improved_gan.objective.binary_cross_entropy import binary_cross_entropy, saturating_loss
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class SemiSupervised:
    """L = labelled_weight L_labelled + unlabelled_weight L_unlabelled; labelled_weight 0 leaves the labels out."""

    labelled_weight: float
    unlabelled_weight: float
    saturating: bool  # the generator's loss: log(1 - D), else -log D
    learned_generated_logit: bool  # an output of its own, the last one; else fixed at 0

    trains_generator = True
    realness_is: ClassVar[Realness] = "logit"

    @property
    def uses_labels(self) -> bool:
        """Whether L_labelled has any weight."""
        return self.labelled_weight > 0

    def outputs(self, classes: int | None) -> int:
        """K, or K + 1 with a learned logit for the generated class; UsageError without classes."""
        if classes is None or classes < 2:
            raise UsageError(
                "objective=semi_supervised: needs a data set with two classes or more; or use objective=non_saturating"
            )
        return classes + self.learned_generated_logit

    def realness(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """log Z, less the generated class's logit where it is learned."""
        log_z = self.class_logits(logits).logsumexp(dim=1)
        return log_z - logits[:, -1] if self.learned_generated_logit else log_z

    def class_logits(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        """The K logits of the real classes."""
        return logits[:, :-1] if self.learned_generated_logit else logits

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real output"],
        fake_logits: Float[Tensor, "fake output"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """unlabelled_weight L_unlabelled."""
        real = binary_cross_entropy(self.realness(real_logits), real_target)
        fake = binary_cross_entropy(self.realness(fake_logits), fake_target)
        return self.unlabelled_weight * (real + fake) / 2

    def labelled_loss(self, logits: Float[Tensor, "batch output"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """labelled_weight L_labelled: over K classes, or K + 1 where the generated class has a logit of its own."""
        return self.labelled_weight * functional.cross_entropy(logits, labels)

    def generator_loss(self, fake_logits: Float[Tensor, "batch output"], target: float = 1.0) -> Float[Tensor, ""]:
        """Of D = Z / (Z + 1): log(1 - D) if saturating (with no other target than 1), else the cross-entropy."""
        realness = self.realness(fake_logits)
        if self.saturating:
            assert target == 1
            return saturating_loss(realness)
        return binary_cross_entropy(realness, target)
