"""One's own images in a folder, or in class folders, by `dataset.path`."""

import os
from functools import partial
from pathlib import Path

from improved_gan.dataset.image_folder import RULES, find_splits, read_splits
from improved_gan.dataset.source import Dataset, Shape, Source, absolute
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """The image files of the folder."""
    request, path = f"dataset.path={config.path or 'null'}", absolute(Path(config.path or os.devnull))
    if not path.is_dir():
        raise UsageError(f"{request}: must be a folder of images, or of a folder of images a class")
    if shape is None:
        raise UsageError("dataset.image_shape=null: an image folder requires [channels, height, width] to scale to")
    try:
        found = find_splits(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{request}: {error}") from error
    files = [file for split in found.values() for each in split.files for file in each]
    read = partial(read_splits, path, found, shape)
    return Source(config.name, request, str(path), data_root, files, shape, lambda _: read(), RULES)


DATASET = Dataset(find=find, path="a folder of class folders")
