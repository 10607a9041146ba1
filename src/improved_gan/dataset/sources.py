"""Where an image set comes from: files that are there, a download, or scikit-learn."""

import contextlib
import dataclasses
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

from improved_gan.dataset import imagenet128
from improved_gan.dataset.formats import (
    Arrays,
    as_split,
    read_cifar10,
    read_digits,
    read_idx,
    read_npz,
    read_svhn,
    with_numbered_classes,
)
from improved_gan.dataset.image_folder import RULES, find_splits, read_splits
from improved_gan.dataset.points import draw_points, modes_of
from improved_gan.dataset.prepared import SourceSplit
from improved_gan.dataset.record import Dataset, Shape, Source
from improved_gan.dataset.stacked_mnist import stack_digits
from improved_gan.nodes import DatasetConfig, SyntheticConfig
from improved_gan.schema import UsageError

DATASETS: dict[str, Dataset] = {"imagenet128": imagenet128.DATASET}
"""The records of data sets by the name of their files, which is their `dataset.source`; plugins' join them."""
LABEL_RULES = "label rules 3"  # part of the key of a prepared .npz: another, and all are prepared anew


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


def find(config: DatasetConfig, data_root: Path) -> Source:
    """Where the set of `config` would come from; reads no image. Raises `UsageError` where there is nothing."""
    shape, data_root = _shape(config.image_shape), _absolute(data_root)
    if config.source == "scikit_learn":
        if config.name != "digits":
            raise UsageError(f"dataset.name={config.name}: must be digits with source scikit_learn")
        request, origin = f"dataset={config.name}", "sklearn.datasets.load_digits"
        return Source(config.name, request, origin, None, [], shape, lambda _: read_digits())
    if config.source in DATASETS:
        own = DATASETS[config.source].source
        return own(config, data_root) if own is not None else _from_outside(config, data_root, shape)
    if config.synthetic is not None:
        return _drawn(config, config.synthetic, data_root, shape)
    if config.source == "torchvision":
        return _published(config.name, data_root, shape)
    request, path = f"dataset.path={config.path or 'null'}", _absolute(Path(config.path or os.devnull))
    if config.source == "npz":
        if not path.is_file():
            raise UsageError(f"{request}: must be an .npz file")
        numbered = partial(_own_arrays, path, shape, request)
        return Source(config.name, request, str(path), data_root, [path], shape, lambda _: numbered(), LABEL_RULES)
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


def _own_arrays(path: Path, shape: Shape | None, request: str) -> dict[str, SourceSplit]:
    splits = {name: as_split(arrays, shape, f"{name} of {path}") for name, arrays in read_npz(path).items()}
    return with_numbered_classes(splits, request)


def _from_outside(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """A plugin's set, read anew whenever its config or one of the plugin's files is another."""
    record = DATASETS[config.source]

    def read(_: Path) -> dict[str, Arrays]:
        assert record.read is not None
        return {split: Arrays(*arrays) for split, arrays in record.read(config, data_root).items()}

    drawn_of_it = {"labels_per_class": None, "label_seed": 0, "validation_images": 0, "evaluate_on": "test"}
    recipe = f"{dataclasses.replace(config, **drawn_of_it)}{record.checksum}"  # type: ignore[arg-type]
    return Source(config.name, f"dataset={config.name}", f"plugin {config.source}", None, [], shape, read, recipe)


def _drawn(config: DatasetConfig, drawn: SyntheticConfig, data_root: Path, shape: Shape | None) -> Source:
    """Points, which need no files, or digits stacked of MNIST's."""
    request, recipe = f"dataset={config.name}", repr((drawn, config.points))
    if config.points is not None:
        modes, origin = modes_of(config.points), f"drawn: {config.points.arrangement}"
        return Source(config.name, request, origin, None, [], shape, lambda _: draw_points(modes, drawn), recipe)
    mnist = _published("mnist", data_root, (1, 28, 28))
    return dataclasses.replace(
        mnist,
        name=config.name,
        request=request,
        image_shape=shape,
        read=lambda scratch: stack_digits(mnist.splits(scratch), drawn),
        recipe=recipe,
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


def _shape(shape: list[int] | None) -> Shape | None:
    if shape is None:
        return None
    is_point = shape[1:] == [1, 1]
    if len(shape) != 3 or (shape[0] not in (1, 3) and not is_point) or min(shape) < 1:
        raise UsageError(f"dataset.image_shape={shape}: must be [channels, height, width] with 1 or 3 channels")
    return shape[0], shape[1], shape[2]


def _published(name: str, data_root: Path, shape: Shape | None) -> Source:
    """A published set: the `.npz` under the data root if there is one, else the set's own files, else a download."""
    if name not in PUBLISHED:
        raise UsageError(f"dataset.name={name}: must be one of {', '.join(PUBLISHED)} with source torchvision")
    published, npz = PUBLISHED[name], data_root / f"{name}.npz"
    files = [npz] if npz.is_file() else _files_of(published, data_root)

    def read(scratch: Path) -> dict[str, Arrays]:
        if files == [npz]:
            splits = read_npz(npz)
        else:
            splits = published.read(files or _download(name, published, data_root, scratch))
        _check_identity(name, splits)
        return splits

    description = ", ".join(map(str, files)) or f"torchvision.datasets.{published.title}"
    return Source(name, f"dataset={name}", description, data_root, files, shape, read)


def _files_of(published: PublishedSet, root: Path) -> list[Path]:
    """The set's own files below `root`, plain or `.gz`; none if there is not one of them."""
    for folder in published.folders:
        choices = [(root / folder / file, root / folder / f"{file}.gz") for file in published.files]
        found = [next((path for path in pair if path.is_file()), None) for pair in choices]
        missing = [pair[0].name for pair, path in zip(choices, found, strict=True) if path is None]
        if not missing:
            return [path for path in found if path is not None]
        if len(missing) < len(found):
            raise UsageError(f"data_root={root}: {root / folder} lacks {', '.join(missing)} of {published.title}")
    return []


def _download(name: str, published: PublishedSet, data_root: Path, scratch: Path) -> list[Path]:
    """torchvision's download into `scratch`, its md5 verified; the prepared form is what stays."""
    from torchvision import datasets

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # some versions of torchvision print
            for options in published.downloads:
                getattr(datasets, published.title)(scratch, download=True, **options)
    except (OSError, RuntimeError, HTTPException) as error:
        raise UsageError(
            f"data_root={data_root}: does not hold {name}, and its download failed ({' '.join(str(error).split())}); "
            f"put {name}.npz (x_train, y_train, x_test, y_test) or {', '.join(published.files)} there"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return _files_of(published, scratch)


def _check_identity(name: str, splits: dict[str, Arrays]) -> None:
    """MNIST's and Fashion-MNIST's files have the same names and shapes: raise where one stands in for the other."""
    labels = splits["test"].labels if "test" in splits else None
    for other, published in PUBLISHED.items():
        if labels is not None and other != name and tuple(labels[:10].tolist()) == published.first_test_labels:
            raise ValueError(f"the files found are those of {other}; ask for dataset={other} or name another data_root")
