"""The record of a data set, ours or a plugin's, and what is found of a set before it is read. Torch-free."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from improved_gan.dataset.formats import Arrays, as_split
from improved_gan.dataset.prepared import FORMAT, SourceSplit
from improved_gan.nodes import DatasetConfig

Shape = tuple[int, int, int]  # channels, height, width
CHEAP = 2**24  # bytes; a set's files no larger than this in all are read for its key


@dataclass(frozen=True)
class Source:
    """A set that was found and not read yet."""

    name: str
    request: str  # the key=value that asked for it
    description: str
    root: Path | None  # the data root; none for a set that needs none
    files: list[Path]
    image_shape: Shape | None
    read: Callable[[Path], Mapping[str, Arrays | SourceSplit]]  # given a scratch folder
    recipe: str = (
        ""  # all that decides what is drawn, of a set that is; of a set of many files, what these are known by
    )
    prepared_as: str | None = None  # the key, where the prepared form alone is there

    @property
    def key(self) -> str:
        """A folder name that changes with any file's name, size, time of change or, of a small set, content."""
        if self.prepared_as is not None:
            return self.prepared_as
        digest = hashlib.sha256(f"{FORMAT} {self.name} {self.image_shape}{self.recipe}".encode())
        cheap = sum(path.stat().st_size for path in self.files) <= CHEAP
        for path in self.files:
            # Relative, so that one set reached through two data roots (a clone, a mount) is prepared once.
            name, status = str(path).removeprefix(f"{self.root}/"), path.stat()
            digest.update(os.fsencode(f"\n{name} {status.st_size} {status.st_mtime_ns}"))
            if cheap:
                digest.update(path.read_bytes())
        return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', self.name)}-{digest.hexdigest()[:12]}"

    def splits(self, scratch: Path) -> dict[str, SourceSplit]:
        """Read the set; what it downloads goes to `scratch`."""
        return {
            split: content
            if isinstance(content, SourceSplit)
            else as_split(content, self.image_shape, f"{split} of {self.description}")
            for split, content in self.read(scratch).items()
        }


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A set of images, named DATASET in its file; its `config` should say `image_shape` and `classes`.

    It has `read`, which returns whole arrays, or `source`, which says what is there and yields blocks.
    """

    read: Callable[[Any, Path], Mapping[str, tuple[Any, Any]]] | None = None  # the run's `dataset` node, data root ->
    # a split's uint8 images, (N, H, W), (N, H, W, C) or (N, C, H, W), and whole-number labels or None; the splits are
    # train and test
    source: Callable[[DatasetConfig, Path], Source] | None = None  # in its stead, for a set larger than memory
    config: type[Any] | None = None  # values of the group's keys, and keys of its own: null with every other data set
    check: Callable[[DatasetConfig, Any], None] | None = None  # the `dataset` node, the run's config: UsageError
    checksum: str = ""  # of the plugin's files; the plugin leaves it out
