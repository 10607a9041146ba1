"""What the objectives without classes share: a discriminator (or critic) with one output l = D(x)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class OneLogit(ABC):
    """One output, no labels; subclasses say what each player makes of it.

    The discriminator minimises unlabelled_weight (L_real + L_fake). Where there is nothing to smooth, the targets are 1
    and 0 and no others.
    """

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

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real 1"],
        fake_logits: Float[Tensor, "fake 1"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """unlabelled_weight (L_real + L_fake)."""
        return self.unlabelled_weight * (
            self.real_loss(real_logits, real_target) + self.fake_loss(fake_logits, fake_target)
        )

    @abstractmethod
    def real_loss(self, logits: Float[Tensor, "real 1"], target: float) -> Float[Tensor, ""]:
        """L_real: what the discriminator loses on real images."""

    @abstractmethod
    def fake_loss(self, logits: Float[Tensor, "fake 1"], target: float) -> Float[Tensor, ""]:
        """L_fake: what the discriminator loses on generated images."""

    def labelled_loss(self, logits: Float[Tensor, "batch 1"], labels: Tensor) -> Float[Tensor, ""]:
        """There is none, and asking for it is a mistake in the code."""
        raise AssertionError("a discriminator with one logit knows no classes")
