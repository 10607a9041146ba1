"""The five techniques of section 3 and their later rivals, a file each.

A file opens with its equation, then come its `Config`, its check and its record `TECHNIQUE`; torch is imported inside
functions. The record fills the places of training that the technique takes; `training/builder.py` puts them there.
Toggles and hyperparameters: `conf/technique/none.yaml`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from improved_gan.tensors import LossInputs, Module, Targets, Tensor


@dataclass(frozen=True, kw_only=True)
class Technique:
    """A technique's record. Each place is a function of the technique's own config, called once when a pair is built.

    What a place remembers from step to step belongs into a Module, and so into the checkpoint.
    """

    config: type[Any]  # a dataclass with `enabled: bool`
    check: Callable[[Any, Any], None] | None = None  # own config, the run's: UsageError in one line

    pack: Callable[[Any], int] | None = None  # how many images the discriminator sees as one
    discriminator_input: Callable[[Any], Callable[[Tensor], Tensor]] | None = None  # on images, while training
    discriminator_layer: Callable[[Any, int], Module] | None = None  # of how many features -> before the head
    discriminator: Callable[[Any, Any], Any] | None = None  # the network -> the network
    generator: Callable[[Any, Any, Callable[[int], Tensor]], Any] | None = None  # network, draw latents -> network
    generator_normalisation: Callable[[Any], Callable[..., Module]] | None = None
    targets: Callable[[Any, Targets], Targets] | None = None
    penalty: Callable[[Any], Callable[[LossInputs], Tensor]] | None = None  # of the discriminator's loss
    generator_penalty: Callable[[Any], Callable[[LossInputs], Tensor]] | None = None
    generator_loss: Callable[[Any], Callable[[LossInputs], Tensor]] | None = None  # in the objective's stead
    around_generator_loss: Callable[[Any, Callable[..., Tensor]], Callable[..., Tensor]] | None = None
    parameter_penalty: Callable[[Any, str, Any], Any] | None = None  # "generator" or "discriminator", its parameters
    constraint: Callable[[Any], Callable[[Any], None]] | None = None  # on D's parameters, after each of its steps

    generator_sees_reals: bool = False  # whether what it does to the generator's loss looks at real images
    differentiates_twice: bool = False  # whether a loss holds a gradient
    couples_batch: bool = False  # whether what an example gives a loss depends on the others of its batch
    wants_whole_steps: bool = False  # what it does depends on the number of passes: training.accumulate must be 1

    def places(self) -> list[str]:
        """The names of the places that it fills."""
        places = [f.name for f in fields(self) if f.name not in ("config", "check") and f.type is not bool]
        return [name for name in places if getattr(self, name) is not None]


EXCLUSIVE = ("pack", "discriminator_layer", "generator_normalisation", "generator_loss")
"""Places that one technique at a time can fill."""
