"""The records by which an objective, an architecture and a data set come from outside; torch-free, as a plugin is.

A record's `config` is a dataclass. Those of its fields that the group has keys for give these their values where the
plugin brings no YAML; the others are keys of the variant's own, null with every other choice of the group.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A game's two losses, named OBJECTIVE in its file; `build` imports torch inside."""

    build: Callable[[Any], Any]  # the config's `objective` -> objective.Adversarial
    config: type[Any] | None = None
    check: Callable[[Any, Any], None] | None = None  # the config's `objective`, the whole: UsageError in one line
    has_targets: bool = True  # whether there is something for label smoothing to smooth


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A pair of networks for images, named ARCHITECTURE in its file; both functions import torch inside."""

    generator: Callable[[Any, Any], Any]  # the config's `architecture`, normalisation -> architecture.Generator
    discriminator: Callable[[Any, int, Any], Any]  # ..., outputs, layer before the head -> architecture.Discriminator
    config: type[Any] | None = None
    check: Callable[[Any, Any], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A set of images, named DATASET in its file; its config should say `image_shape` and `classes`."""

    read: Callable[[Any, Path], Mapping[str, tuple[Any, Any]]]  # the config's `dataset`, data root -> a split's uint8
    # images, (N, H, W), (N, H, W, C) or (N, C, H, W), and whole-number labels or None; the splits are train and test
    config: type[Any] | None = None
    check: Callable[[Any, Any], None] | None = None
