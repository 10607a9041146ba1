"""Generator and discriminator pairs, one file a published pair; importable without torch.

What couples them to the techniques (the generator's normalisation, the discriminator's minibatch layer) is handed in.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from improved_gan.nodes import ArchitectureConfig
from improved_gan.schema import UsageError, files_of
from improved_gan.tensors import Module

Normalisation = Callable[..., Module]
"""Makes a normalisation layer: layers/generator.py says how it is called."""

Layer = Callable[[int], Module]
"""Makes a layer for that many features, between features and logits: layers/discriminator.py says how it is called."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """`ARCHITECTURE` in each pair's file; both functions import torch inside."""

    generator: Callable[[Any, Normalisation], Module]  # the run's `architecture` node -> layers.generator.Generator
    discriminator: Callable[[Any, int, Layer | None], Module]  # ..., logits -> layers.discriminator.Discriminator
    config: type[Any] | None = None  # values of the group's keys, and keys of its own: null with every other pair
    check: Callable[[Any, Any], None] | None = None  # the `architecture` node, the run's config: UsageError
    side: int | None = None  # height and width in pixels that it is made for; None: any
    couples_images: bool = False  # whether what the discriminator makes of an image depends on the others
    takes_noise_at_every_level: bool = False  # the generator: then it cannot decode a code


@cache
def architectures() -> dict[str, Architecture]:
    """Every pair's record, by the name of its file; plugins' join them."""
    return {name: importlib.import_module(f"{__name__}.{name}").ARCHITECTURE for name in files_of("architecture")}


def check_architecture(config: ArchitectureConfig, run: Any) -> None:
    """Raise `UsageError` for a size that the named pair cannot have."""
    record, shape = architectures()[config.name], list(config.image_shape)
    if record.side is not None and shape[1:] != [record.side, record.side]:
        wanted = f"[channels, {record.side}, {record.side}]"
        raise UsageError(f"architecture.image_shape={shape}: {config.name} requires {wanted}")
    if record.check is not None:
        record.check(config, run)


def build_generator(config: ArchitectureConfig, normalisation: Normalisation | None = None) -> Any:
    """The generator that the config names, normalised by `normalisation`; by default by each batch's own statistics."""
    if normalisation is None:
        from improved_gan.layers.batch_norm import BatchNorm

        normalisation = BatchNorm
    return architectures()[config.name].generator(config, normalisation)


def build_discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None = None) -> Any:
    """The discriminator that the config names, with that many logits and this layer before its head."""
    return architectures()[config.name].discriminator(config, outputs, layer)
