"""What the objectives without classes share: a discriminator (or critic) with one output l = D(x)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class OneLogit:
    """One output, no labels; subclasses say what each player makes of it."""

    unlabelled_weight: float  # of the discriminator's loss

    trains_generator = True
    uses_labels = False
    realness_is: ClassVar[Realness] = None

    def outputs(self, classes: int | None) -> int:
        """One, whatever the classes."""
        return 1

    def realness(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, " batch"]:
        """The output itself."""
        return logits[:, 0]

    def class_logits(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch class"]:
        """There are none, and asking for them is a mistake in the code."""
        raise AssertionError("a discriminator with one logit knows no classes")

    def labelled_loss(self, logits: Float[Tensor, "batch 1"], labels: Tensor) -> Float[Tensor, ""]:
        """There is none, and asking for it is a mistake in the code."""
        raise AssertionError("a discriminator with one logit knows no classes")
