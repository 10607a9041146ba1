"""A data set from outside: the record that a plugin has of it. Torch-free, as a plugin is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from improved_gan.nodes import DatasetConfig


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A set of images, named DATASET in its file; its `config` should say `image_shape` and `classes`."""

    read: Callable[[Any, Path], Mapping[str, tuple[Any, Any]]]  # the run's `dataset` node, data root -> a split's uint8
    # images, (N, H, W), (N, H, W, C) or (N, C, H, W), and whole-number labels or None; the splits are train and test
    config: type[Any] | None = None  # values of the group's keys, and keys of its own: null with every other data set
    check: Callable[[DatasetConfig, Any], None] | None = None  # the `dataset` node, the run's config: UsageError
    checksum: str = ""  # of the plugin's files; the plugin leaves it out


DATASETS: dict[str, Dataset] = {}
"""Those of plugins, by the name of their files, which is their `dataset.source`."""
