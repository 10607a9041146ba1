"""The baseline of the semi-supervised comparison: the same K logits, taught by the labels alone, and no generator."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from improved_gan.config import UsageError
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class SupervisedOnly:
    """L = labelled_weight times the cross-entropy over K classes."""

    labelled_weight: float

    trains_generator = False
    uses_labels = True
    realness_is: ClassVar[Realness] = None

    def outputs(self, classes: int | None) -> int:
        """K; UsageError without classes."""
        if classes is None or classes < 2:
            raise UsageError(
                "objective=supervised_only: needs a data set with two classes or more; or use objective=non_saturating"
            )
        return classes

    def realness(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """log sum_k exp l_k, as for the semi-supervised discriminator; nothing here trains it."""
        return logits.logsumexp(dim=1)

    def class_logits(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        """The logits as they are."""
        return logits

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real output"],
        fake_logits: Float[Tensor, "fake output"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """There is none, and asking for it is a mistake in the code."""
        raise AssertionError("supervised_only tells no real images from generated ones")

    def labelled_loss(self, logits: Float[Tensor, "batch output"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """labelled_weight times the mean cross-entropy."""
        return self.labelled_weight * functional.cross_entropy(logits, labels)

    def generator_loss(self, fake_logits: Float[Tensor, "batch output"], target: float = 1.0) -> Float[Tensor, ""]:
        """There is none, and asking for it is a mistake in the code."""
        raise AssertionError("supervised_only trains no generator")
