"""Data sets, each brought once into one prepared form: uint8 (N, C, H, W) arrays, memory-mapped, checksummed; points
are float32 (N, D, 1, 1).

Importing this package imports neither torch nor torchvision.
"""

import logging
from dataclasses import replace
from pathlib import Path

from improved_gan.dataset.labels import held_out, labelled_indices
from improved_gan.dataset.outside import DATASETS, Dataset
from improved_gan.dataset.prepared import (
    Modes,
    PreparedDataset,
    PreparedSplit,
    open_prepared,
    prepare,
    prepared_checksum,
    remarks_on,
    store_folders,
)
from improved_gan.dataset.sources import Source, find
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError

__all__ = [
    "DATASETS",
    "Dataset",
    "Modes",
    "PreparedDataset",
    "PreparedSplit",
    "checksum_at_hand",
    "checksum_of",
    "held_out",
    "labelled_indices",
    "load",
]
log = logging.getLogger("improved_gan")


def load(config: DatasetConfig, data_root: Path, *, verify_all: bool = False) -> PreparedDataset:
    """The image set that `config` asks for, prepared first if it never was (progress bar on stderr).

    Files of up to 1 GiB are compared with their checksums at every opening, larger ones (sizes aside) only with
    `verify_all`. Raises `UsageError` where the set is unavailable, is damaged, or is not what `config` says it is.
    """
    source = find(config, data_root)
    folder = _prepared(source)
    for remark in remarks_on(folder):
        log.warning("%s", remark)
    dataset = open_prepared(folder, verify_all=verify_all)
    return _as_requested(config, dataset, source.request)


def checksum_of(config: DatasetConfig, data_root: Path) -> str:
    """The checksum of the set that `config` asks for, prepared first if it never was. Raises as `load` does."""
    return prepared_checksum(_prepared(find(config, data_root)))


def checksum_at_hand(config: DatasetConfig, data_root: Path) -> str | None:
    """The checksum of a set that is prepared already or whose files are there; None where there is no such set."""
    try:
        source = find(config, data_root)
        if not source.files and not any((store / source.key).is_dir() for store in store_folders(source.root)):
            return None
        return prepared_checksum(_prepared(source))
    except (UsageError, OSError):
        return None


def _prepared(source: Source) -> Path:
    stores = store_folders(source.root)
    try:
        there = next((store / source.key for store in stores if (store / source.key).is_dir()), None)
        return there or prepare(stores, source.key, source.name, source.description, source.splits)
    except UsageError:
        raise
    except ValueError as error:  # a file is not what it should be: the readers say which, here comes who asked for it
        raise UsageError(f"{source.request}: {error}") from error


def _as_requested(config: DatasetConfig, dataset: PreparedDataset, request: str) -> PreparedDataset:
    """`dataset` with the config's own class count and names, once they are known to fit it."""
    classes = config.classes if config.classes is not None else dataset.classes
    if config.classes is not None and (dataset.classes is None or config.classes < dataset.classes):
        held = "no labels" if dataset.classes is None else f"labels of {dataset.classes} classes"
        raise UsageError(f"dataset.classes={config.classes}: {request} holds {held}; null counts them")
    names = dataset.class_names if config.class_names is None else tuple(config.class_names)
    if names is not None and len(names) != classes:
        raise UsageError(f"dataset.class_names: {len(names)} names for {classes} classes of {request}; one each")
    return replace(dataset, classes=classes, class_names=names)
