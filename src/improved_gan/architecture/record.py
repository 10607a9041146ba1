"""What an architecture is: a record of two functions that build networks, and of what a run is checked by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    check: Callable[[Any, Any], None] | None = None  # the `architecture` node, the run's config: UsageError
    side: int | None = None  # height and width in pixels that it is made for; None: any
    couples_images: bool = False  # whether what the discriminator makes of an image depends on the others
    takes_noise_at_every_level: bool = False  # the generator: then it cannot decode a code
