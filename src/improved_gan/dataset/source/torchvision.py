"""Published sets, MNIST, Fashion-MNIST, SVHN and CIFAR-10: their own files below the data root, else a download."""

import contextlib
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from improved_gan.dataset.formats import Arrays, read_cifar10, read_idx, read_npz, read_svhn
from improved_gan.dataset.source import Dataset, Shape, Source
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError


@dataclass(frozen=True)
class PublishedSet:
    """A published set's own files, and where they lie below a data root, or below torchvision's download folder."""

    title: str  # torchvision's class
    files: tuple[str, ...]
    folders: tuple[str, ...]
    read: Callable[[list[Path]], dict[str, Arrays]]
    downloads: tuple[dict[str, str], ...] = ({},)  # what torchvision's class is called with, in turn
    first_test_labels: tuple[int, ...] = ()  # tells two sets apart whose files have the same names


IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SVHN_FILES = ("train_32x32.mat", "test_32x32.mat")
CIFAR10_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
PUBLISHED = {
    "mnist": PublishedSet(
        "MNIST", IDX_FILES, ("", "mnist", "MNIST/raw"), read_idx, first_test_labels=(7, 2, 1, 0, 4, 1, 4, 9, 5, 9)
    ),
    "fashion_mnist": PublishedSet(
        "FashionMNIST",
        IDX_FILES,
        ("", "fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
        read_idx,
        first_test_labels=(9, 2, 1, 1, 6, 1, 4, 6, 5, 7),
    ),
    "svhn": PublishedSet("SVHN", SVHN_FILES, ("", "svhn"), read_svhn, ({"split": "train"}, {"split": "test"})),
    "cifar10": PublishedSet(
        "CIFAR10", CIFAR10_FILES, ("cifar-10-batches-py", "cifar10/cifar-10-batches-py"), read_cifar10
    ),
}
DOWNLOAD_TIMEOUT = 30.0  # seconds without an answer


def check(config: DatasetConfig, run: Any) -> None:
    """It is one of the sets that are known here."""
    if config.name not in PUBLISHED:
        raise UsageError(f"dataset.name={config.name}: must be one of {', '.join(PUBLISHED)} with source torchvision")


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """The set's files, or the words for its download."""
    return published(config.name, data_root, shape)


def published(name: str, data_root: Path, shape: Shape | None) -> Source:
    """A published set: the `.npz` under the data root if there is one, else the set's own files, else a download."""
    own, npz = PUBLISHED[name], data_root / f"{name}.npz"
    files = [npz] if npz.is_file() else _files_of(own, data_root)

    def read(scratch: Path) -> dict[str, Arrays]:
        splits = read_npz(npz) if files == [npz] else own.read(files or _download(name, own, data_root, scratch))
        _check_identity(name, splits)
        return splits

    description = ", ".join(map(str, files)) or f"torchvision.datasets.{own.title}"
    return Source(name, f"dataset={name}", description, data_root, files, shape, read)


def _files_of(own: PublishedSet, root: Path) -> list[Path]:
    """The set's own files below `root`, plain or `.gz`; none if there is not one of them."""
    for folder in own.folders:
        choices = [(root / folder / file, root / folder / f"{file}.gz") for file in own.files]
        found = [next((path for path in pair if path.is_file()), None) for pair in choices]
        missing = [pair[0].name for pair, path in zip(choices, found, strict=True) if path is None]
        if not missing:
            return [path for path in found if path is not None]
        if len(missing) < len(found):
            raise UsageError(f"data_root={root}: {root / folder} lacks {', '.join(missing)} of {own.title}")
    return []


def _download(name: str, own: PublishedSet, data_root: Path, scratch: Path) -> list[Path]:
    """torchvision's download into `scratch`, its md5 verified; the prepared form is what stays."""
    from torchvision import datasets

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # some versions of torchvision print
            for options in own.downloads:
                getattr(datasets, own.title)(scratch, download=True, **options)
    except (OSError, RuntimeError, HTTPException) as error:
        raise UsageError(
            f"data_root={data_root}: does not hold {name}, and its download failed ({' '.join(str(error).split())}); "
            f"put {name}.npz (x_train, y_train, x_test, y_test) or {', '.join(own.files)} there"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return _files_of(own, scratch)


def _check_identity(name: str, splits: dict[str, Arrays]) -> None:
    """MNIST's and Fashion-MNIST's files have the same names and shapes: raise where one stands in for the other."""
    labels = splits["test"].labels if "test" in splits else None
    for other, own in PUBLISHED.items():
        if labels is not None and other != name and tuple(labels[:10].tolist()) == own.first_test_labels:
            raise ValueError(f"the files found are those of {other}; ask for dataset={other} or name another data_root")


DATASET = Dataset(find=find, check=check)
