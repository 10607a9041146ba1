"""What an objective is: a record that a run is checked by, and the frozen functions that it builds.

These are of one of three kinds; the kind picks the step of training and says which places it has for techniques.
Losses are means over the batch, in nats, with the objective's weights in them. Importable without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from omegaconf import MISSING

from improved_gan.schema import UsageError, number, one_of
from improved_gan.tensors import Outputs, Targets, Tensor

__all__ = [
    "NO_LABELS",
    "Adversarial",
    "Config",
    "Objective",
    "ObjectiveRecord",
    "Outputs",
    "Reconstruction",
    "Supervised",
    "Targets",
    "first_output",
    "one_output",
    "wants",
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

    latents: ClassVar[None] = None
    trains_generator: ClassVar[bool] = True
    places: ClassVar[tuple[str, ...] | None] = None  # that it has for techniques: all

    def outputs(self, classes: int | None, latent_size: int) -> int:
        """How many outputs the discriminator has."""
        return self.logits(classes)


@dataclass(frozen=True, kw_only=True)
class Supervised:
    """A classifier: the discriminator is taught by labels alone, and there is no generator."""

    logits: Callable[[int | None], int]
    class_logits: Callable[[Tensor], Tensor]
    labelled_loss: Callable[[Tensor, Tensor], Tensor]

    latents: ClassVar[None] = None
    score_kind: ClassVar[None] = None
    real_score = staticmethod(first_output)
    generator_sees_reals: ClassVar[bool] = False
    discriminator_decodes: ClassVar[bool] = False
    trains_generator: ClassVar[bool] = False
    places: ClassVar[tuple[str, ...] | None] = (
        "discriminator_input",
        "discriminator_layer",
        "discriminator",
        "parameter_penalty",
    )

    def outputs(self, classes: int | None, latent_size: int) -> int:
        """How many outputs the discriminator has."""
        return self.logits(classes)


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """No game: the discriminator encodes images, the generator decodes the codes, both go down one loss."""

    code_size: Callable[[int], int]  # of how many latents -> how many outputs of the encoder
    latents: Callable[[Tensor, bool], Tensor]  # codes, draw -> latents; where they are random, their mean unless drawn
    losses: Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]  # images, reconstructions, codes -> terms by name

    trains_generator: ClassVar[bool] = True
    places: ClassVar[tuple[str, ...] | None] = ("generator_normalisation", "generator", "parameter_penalty")
    class_logits: ClassVar[None] = None
    labelled_loss: ClassVar[None] = None
    score_kind: ClassVar[None] = None
    real_score = staticmethod(first_output)
    generator_sees_reals: ClassVar[bool] = False
    discriminator_decodes: ClassVar[bool] = False

    def outputs(self, classes: int | None, latent_size: int) -> int:
        """How many outputs the encoder has."""
        return self.code_size(latent_size)


Objective = Adversarial | Supervised | Reconstruction


@dataclass
class Config:
    """The keys of every objective."""

    name: str = MISSING
    labelled_weight: float = number(minimum=0)
    unlabelled_weight: float = number(minimum=0)
    generator_loss: str | None = one_of("saturating", "non_saturating")  # null where there is no choice
    fully_labelled: bool = MISSING  # true: the unlabelled batch carries the labels; false: a labelled pass of its own


@dataclass(frozen=True, kw_only=True)
class ObjectiveRecord:
    """What a run is checked by, before anything is built; `OBJECTIVE` in each objective's file."""

    build: Callable[[Any], Objective]  # of the run's `objective` node
    check: Callable[[Any, Any], None] | None = None  # own config, the run's: UsageError in one line
    config: type[Config] = Config  # a dataclass: what it has beside `Config` is null with every other objective
    kind: type[Objective] = Adversarial
    has_targets: bool = False  # whether the discriminator is asked for particular outputs, which can be smoothed
    needs_classes: bool = False  # a data set with two classes or more
    decodes: bool = False  # whether codes go through the pair's generator


def wants(**allowed: tuple[str | float | None, ...]) -> Callable[[Config, Any], None]:
    """The check that each of these keys has one of the allowed values."""

    def check(config: Config, run: Any) -> None:
        for key, values in allowed.items():
            value = getattr(config, key)
            if value not in values:
                words = " or ".join("null" if one is None else str(one) for one in values)
                shown = "null" if value is None else value
                raise UsageError(f"objective.{key}={shown}: objective={config.name} wants {words}")

    return check


NO_LABELS = wants(generator_loss=(None,), labelled_weight=(0,))
"""The check of a game with one form of the generator's loss, and no use for labels."""
