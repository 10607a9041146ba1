"""What an objective is: pure functions of the discriminator's logits, one for each term that a player minimises."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable  # the tests check annotations at run time
class Objective(Protocol):
    """What each player minimises. Losses are means over the batch, in nats, with the objective's weights in them."""

    @property
    def uses_labels(self) -> bool:
        """Whether the discriminator's loss has a `labelled_loss`."""

    @property
    def trains_generator(self) -> bool:
        """Whether there are a `discriminator_loss` and a `generator_loss`."""

    def outputs(self, classes: int | None) -> int:
        """How many logits the discriminator gives for a data set of `classes`; RequestError if it has none."""

    def realness(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """The logit of D(x), the probability that x is real."""

    def class_logits(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        """The logits of the data set's own classes."""

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real output"],
        fake_logits: Float[Tensor, "fake output"],
        real_target: float = 1.0,
    ) -> Float[Tensor, ""]:
        """The discriminator's loss for telling real from generated, with `real_target` in (0, 1] for the reals."""

    def labelled_loss(self, logits: Float[Tensor, "batch output"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """The discriminator's loss on labelled data."""

    def generator_loss(self, fake_logits: Float[Tensor, "batch output"], target: float = 1.0) -> Float[Tensor, ""]:
        """The generator's loss; `target`, in (0, 1], is the probability of "real" that it aims at."""
