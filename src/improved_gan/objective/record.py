"""What an objective is: a frozen record of functions, of one of three kinds; the kind picks the step of training.

Losses are means over the batch, in nats, with the objective's weights in them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from improved_gan.tensors import Outputs, Targets

__all__ = [
    "Adversarial",
    "Objective",
    "Outputs",
    "Reconstruction",
    "Supervised",
    "Targets",
    "first_output",
    "one_output",
]

ScoreKind = Literal["logit", "sign"] | None
"""The real score is the logit of a probability; above 0 for "real"; or only its differences mean something."""


def first_output(logits: Tensor) -> Tensor:
    """The real score of a discriminator with one output: (batch, 1) -> (batch,)."""
    return logits[:, 0]


def one_output(classes: int | None) -> int:
    """One logit, whatever the classes."""
    return 1


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """A game: both losses see what the discriminator makes of real images and of generated ones."""

    discriminator_loss: Callable[[Outputs, Outputs, Targets], Tensor]
    generator_loss: Callable[[Outputs | None, Outputs, Targets], Tensor]
    generator_sees_reals: bool = False  # else the generator's loss may get None for the reals
    logits: Callable[[int | None], int] = one_output  # of how many classes -> how many logits; or UsageError
    real_score: Callable[[Tensor], Tensor] = first_output  # (batch, logits) -> (batch,): how real, as `score_kind` says
    score_kind: ScoreKind = None
    class_logits: Callable[[Tensor], Tensor] | None = None  # (batch, logits) -> (batch, classes)
    labelled_loss: Callable[[Tensor, Tensor], Tensor] | None = None  # logits, labels -> loss
    discriminator_decodes: bool = False  # the discriminator is an autoencoder, its one output the error

    trains_generator: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Supervised:
    """A classifier: the discriminator is taught by labels alone, and there is no generator."""

    logits: Callable[[int | None], int]
    class_logits: Callable[[Tensor], Tensor]
    labelled_loss: Callable[[Tensor, Tensor], Tensor]

    trains_generator: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """No game: the discriminator encodes images, the generator decodes the codes, both go down one loss."""

    code_size: Callable[[int], int]  # of how many latents -> how many outputs of the encoder
    latents: Callable[[Tensor, bool], Tensor]  # codes, draw -> latents; where they are random, their mean unless drawn
    losses: Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]  # images, reconstructions, codes -> terms by name

    trains_generator: ClassVar[bool] = True
    class_logits: ClassVar[None] = None
    labelled_loss: ClassVar[None] = None


Objective = Adversarial | Supervised | Reconstruction
