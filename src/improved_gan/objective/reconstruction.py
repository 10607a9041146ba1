"""What the two baselines outside GANs share: the discriminator encodes images, the generator decodes them."""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.protocol import Realness


class Reconstruction:
    """No game: both networks go down one loss together. Asking for a player's own loss is a mistake in the code."""

    trains_generator = True
    uses_labels = False
    realness_is: ClassVar[Realness] = None

    def outputs(self, classes: int | None) -> int:
        """Not for classes to say: see `code_size`."""
        raise AssertionError("the size of a code follows from the latents")

    def realness(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """There is none."""
        raise AssertionError("an encoder tells no real images from generated ones")

    def class_logits(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        """There are none."""
        raise AssertionError("an encoder knows no classes")

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real output"],
        fake_logits: Float[Tensor, "fake output"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """There is none."""
        raise AssertionError("an encoder tells no real images from generated ones")

    def labelled_loss(self, logits: Float[Tensor, "batch output"], labels: Tensor) -> Float[Tensor, ""]:
        """There is none."""
        raise AssertionError("an encoder knows no classes")

    def generator_loss(self, fake_logits: Float[Tensor, "batch output"], target: float = 1.0) -> Float[Tensor, ""]:
        """There is none."""
        raise AssertionError("a decoder has nobody to fool")
