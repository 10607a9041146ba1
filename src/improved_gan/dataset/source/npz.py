"""One's own images in an `.npz` file, by `dataset.path`."""

import os
from pathlib import Path

from improved_gan.dataset.formats import as_split, read_npz, with_numbered_classes
from improved_gan.dataset.prepared import SourceSplit
from improved_gan.dataset.source import Dataset, Shape, Source, absolute
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError

LABEL_RULES = "label rules 3"  # part of the key of a prepared .npz: another, and all are prepared anew


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """The file."""
    request, path = f"dataset.path={config.path or 'null'}", absolute(Path(config.path or os.devnull))
    if not path.is_file():
        raise UsageError(f"{request}: must be an .npz file")

    def read(_: Path) -> dict[str, SourceSplit]:
        splits = {name: as_split(arrays, shape, f"{name} of {path}") for name, arrays in read_npz(path).items()}
        return with_numbered_classes(splits, request)

    return Source(config.name, request, str(path), data_root, [path], shape, read, LABEL_RULES)


DATASET = Dataset(find=find, path="an .npz file")
