"""What is handed between networks, objectives and techniques; importable without torch.

`Tensor` and `Module` are torch's for the type checker and anything at run time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
else:
    Tensor = Module = Any

__all__ = ["LossInputs", "Module", "Outputs", "Targets", "Tensor"]


class Outputs(NamedTuple):
    """What a discriminator makes of one batch."""

    features: Float[Tensor, "batch feature"]  # the f of feature matching (section 3.1): before the minibatch layer
    logits: Float[Tensor, "batch output"]


class Targets(NamedTuple):
    """The probabilities of "real" that each player is asked for, in [0, 1]."""

    real: float = 1.0  # the discriminator's, for real data
    fake: float = 0.0  # and for generated data
    generator: float = 1.0  # the generator's, for its own images


@dataclass(frozen=True, kw_only=True)
class LossInputs:
    """What a technique's loss or penalty may look at."""

    discriminator: Any  # (batch, ...) -> a list of `Outputs`, one a batch; its `features` stops before the head
    real_score: Callable[[Tensor], Tensor]  # (batch, output) -> (batch,): the objective's measure of how real
    real: Tensor | None  # images, scaled as the discriminator sees them; none where a generator's loss needs none
    fake: Tensor
    real_outputs: Outputs | None = None  # what the discriminator made of these, where it has judged them already
    fake_outputs: Outputs | None = None

    def score(self, images: Float[Tensor, "batch *image"]) -> Float[Tensor, " batch"]:
        """How real the discriminator finds each of `images`, judged as a batch of its own."""
        return self.real_score(self.discriminator(images)[0].logits)
