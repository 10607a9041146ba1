"""What an objective is: pure functions of the discriminator's logits, one for each term that a player minimises.

Some have a penalty on the discriminator as a function of images beside them, or a constraint on its parameters.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

Realness = Literal["logit", "sign"] | None
"""Realness is the logit of a probability; above 0 for "real"; or only its differences mean something."""


@runtime_checkable  # the tests check annotations at run time
class Objective(Protocol):
    """What each player minimises. Losses are means over the batch, in nats, with the objective's weights in them."""

    @property
    def uses_labels(self) -> bool:
        """Whether the discriminator's loss has a `labelled_loss`."""

    @property
    def trains_generator(self) -> bool:
        """Whether there are a `discriminator_loss` and a `generator_loss`."""

    @property
    def realness_is(self) -> Realness:
        """What `realness` says of an image."""

    def outputs(self, classes: int | None) -> int:
        """How many logits the discriminator gives for a data set of `classes`; UsageError if it has none."""

    def realness(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """How real x is, as `realness_is` says: the logit of D(x), the probability that x is real, if there is one."""

    def class_logits(self, logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        """The logits of the data set's own classes."""

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "real output"],
        fake_logits: Float[Tensor, "fake output"],
        real_target: float = 1.0,
        fake_target: float = 0.0,
    ) -> Float[Tensor, ""]:
        """The discriminator's loss for telling real from generated, with targets in [0, 1] for the two."""

    def labelled_loss(self, logits: Float[Tensor, "batch output"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """The discriminator's loss on labelled data."""

    def generator_loss(self, fake_logits: Float[Tensor, "batch output"], target: float = 1.0) -> Float[Tensor, ""]:
        """The generator's loss; `target`, in (0, 1], is the probability of "real" that it aims at."""


@runtime_checkable
class Penalised(Protocol):
    """An objective with one more term of the discriminator's loss, of the function that the discriminator is."""

    def penalty(
        self,
        discriminator: Callable[[Tensor], Tensor],
        real: Float[Tensor, "batch *image"],
        fake: Float[Tensor, "batch *image"],
    ) -> Float[Tensor, ""]:
        """The term; `discriminator` gives the logits of images."""


@runtime_checkable
class FeaturePenalised(Protocol):
    """An objective with one more term of the generator's loss, of the features of its images."""

    def feature_penalty(self, fake_features: Float[Tensor, "batch feature"]) -> Float[Tensor, ""]:
        """The term."""


@runtime_checkable
class Reconstructing(Protocol):
    """An objective without a game: the discriminator encodes images, the generator decodes, both go down one loss."""

    def code_size(self, latent_size: int) -> int:
        """How many outputs the encoder has for that many latents."""

    def latents(self, codes: Float[Tensor, "batch code"], draw: bool) -> Float[Tensor, "batch latent"]:
        """What the decoder is given for the encoder's outputs; where that is random, its mean unless to `draw`."""

    def losses(
        self,
        images: Float[Tensor, "batch *image"],
        reconstructions: Float[Tensor, "batch *image"],
        codes: Float[Tensor, "batch code"],
    ) -> dict[str, Float[Tensor, ""]]:
        """The terms of the loss, by their names in the log."""


@runtime_checkable
class Constrained(Protocol):
    """An objective that keeps the discriminator's parameters within bounds."""

    def constrain(self, parameters: Iterable[Tensor]) -> None:
        """Bring them back within their bounds, in place; after each of the discriminator's steps."""
