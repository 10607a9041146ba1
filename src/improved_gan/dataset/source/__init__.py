"""Where data sets come from, one file a source with its check and its record `DATASET`; importable without torch."""

import dataclasses
import hashlib
import importlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from improved_gan.dataset.formats import Arrays, as_split
from improved_gan.dataset.prepared import FORMAT, SourceSplit
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError, files_of

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
    recipe: str = ""  # what else decides the prepared form: rules of reading, all of a set that is drawn, many files
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
    """A source of data, named DATASET in its file. It has `find`, or `read` where reading needs no files of its own.

    `read` takes the run's `dataset` node and the data root. It returns a split's uint8 images, (N, H, W), (N, H, W, C)
    or (N, C, H, W), with whole-number labels or None; the splits are train and test.
    """

    read: Callable[[Any, Path], Mapping[str, tuple[Any, Any]]] | None = None
    find: Callable[[DatasetConfig, Path, Shape | None], Source] | None = None  # node, data root, shape; reads no image
    check: Callable[[DatasetConfig, Any], None] | None = None  # the `dataset` node, the run's config: UsageError
    config: type[Any] | None = None  # values of the group's keys, and keys of its own: null with every other data set
    path: str | None = None  # what `dataset.path` must be, "an .npz file"; None: the set is in data_root, or needs none
    synthetic: bool = False  # whether `dataset.synthetic` says how much is drawn
    checksum: str = ""  # of a plugin's files; the plugin leaves it out


@cache
def datasets() -> dict[str, Dataset]:
    """Every source's record, by the name of its file, which is `dataset.source`; plugins' join them."""
    names = files_of("dataset/source")
    return {name: importlib.import_module(f"{__name__}.{name}").DATASET for name in names}


def find(config: DatasetConfig, data_root: Path) -> Source:
    """Where the set of `config` would come from; reads no image. Raises `UsageError` where there is nothing."""
    record, root, shape = datasets()[config.source], absolute(data_root), _shape(config.image_shape)
    if record.find is not None:
        return record.find(config, root, shape)
    return _read_at_once(record, config, root, shape)


def absolute(path: Path) -> Path:
    """`path` from the root of the file system, links left as they are."""
    return Path(os.path.abspath(path.expanduser()))


def _read_at_once(record: Dataset, config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """A set without files of its own, read anew whenever its config or one of its plugin's files is another."""

    def read(_: Path) -> dict[str, Arrays]:
        assert record.read is not None
        return {split: Arrays(*arrays) for split, arrays in record.read(config, data_root).items()}

    drawn_of_it = {"labels_per_class": None, "label_seed": 0, "validation_images": 0, "evaluate_on": "test"}
    recipe = f"{dataclasses.replace(config, **drawn_of_it)}{record.checksum}"  # type: ignore[arg-type]
    return Source(config.name, f"dataset={config.name}", f"plugin {config.source}", None, [], shape, read, recipe)


def _shape(shape: list[int] | None) -> Shape | None:
    if shape is None:
        return None
    is_point = shape[1:] == [1, 1]
    if len(shape) != 3 or (shape[0] not in (1, 3) and not is_point) or min(shape) < 1:
        raise UsageError(f"dataset.image_shape={shape}: must be [channels, height, width] with 1 or 3 channels")
    return shape[0], shape[1], shape[2]
