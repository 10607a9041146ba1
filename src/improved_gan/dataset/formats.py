"""Readers of the formats that image sets come in; each raises `ValueError` naming the file that is not right."""

import dataclasses
import gzip
import logging
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from improved_gan.dataset.labels import labelled_indices
from improved_gan.dataset.prepared import SourceSplit

log = logging.getLogger("improved_gan")
BLOCK = 1024  # images
MOST_CLASSES = 100_000
DIGITS_TEST_PER_CLASS = 36  # 360 of 1,797


class Arrays(NamedTuple):
    """One split as its file holds it: images in any layout, labels in any integer type."""

    images: np.ndarray
    labels: np.ndarray | None


def read_npz(path: Path) -> dict[str, Arrays]:
    """The splits of an `.npz`: `x_train`, `y_train`, `x_test`, `y_test` as Keras has them, or `images` and `labels`.

    Labels, and the test split, may be missing. The archive's own checksums are verified on the way.
    """
    try:
        # Not np.load: it takes other files for arrays or pickles.
        with open(path, "rb") as archive, np.lib.npyio.NpzFile(archive, allow_pickle=False) as file:
            arrays = {
                name: file[name]
                for name in ("x_train", "y_train", "x_test", "y_test", "images", "labels")
                if name in file
            }
            present = ", ".join(file.files)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path} is truncated, altered or no .npz of plain arrays ({error})") from error
    if "x_train" in arrays:
        splits = {"train": Arrays(arrays["x_train"], arrays.get("y_train"))}
        if "x_test" in arrays:
            splits["test"] = Arrays(arrays["x_test"], arrays.get("y_test"))
        return splits
    if "images" in arrays:
        return {"train": Arrays(arrays["images"], arrays.get("labels"))}
    raise ValueError(f"{path} must hold x_train (y_train, x_test, y_test) or images (labels); it holds {present}")


def read_idx(files: list[Path]) -> dict[str, Arrays]:
    """MNIST's four files, plain or `.gz`: training images and labels, test images and labels."""
    train_images, train_labels, test_images, test_labels = map(_read_idx_file, files)
    return {"train": Arrays(train_images, train_labels), "test": Arrays(test_images, test_labels)}


def _read_idx_file(path: Path) -> UInt8[np.ndarray, "..."]:
    """An IDX file of bytes: 0, 0, type 8, number of axes, each axis as a big-endian 32-bit number, the bytes."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        axes = content[3]
        shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    except (OSError, EOFError, zlib.error, struct.error, IndexError) as error:
        raise ValueError(f"{path} is truncated or altered ({error})") from error
    if content[:3] != b"\0\0\x08" or len(content) != 4 + 4 * axes + math.prod(shape):
        raise ValueError(f"{path} is truncated or altered (no IDX file of bytes, or not as long as it says)")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def read_svhn(files: list[Path]) -> dict[str, Arrays]:
    """SVHN's cropped digits; the files' label 10 becomes 0. The `extra` images are unused, as in the authors' code."""
    from torchvision.datasets import SVHN

    splits = {}
    for split, path in zip(("train", "test"), files, strict=True):
        _verify_md5(path, SVHN.split_list[split][2])
        content = SVHN(path.parent, split=split)
        splits[split] = Arrays(content.data, content.labels)
    return splits


def read_cifar10(files: list[Path]) -> dict[str, Arrays]:
    """CIFAR-10's python batches. They are pickles, so they are opened only where their md5 is the published one."""
    from torchvision.datasets import CIFAR10

    published = dict([*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])])
    for path in files:
        _verify_md5(path, published[path.name])
    train, test = (CIFAR10(files[0].parent.parent, train=train) for train in (True, False))
    return {"train": Arrays(train.data, np.array(train.targets)), "test": Arrays(test.data, np.array(test.targets))}


def _verify_md5(path: Path, published: str) -> None:
    from torchvision.datasets.utils import check_integrity

    if not check_integrity(path, published):
        raise ValueError(f"{path} is truncated or altered (its md5 is not the published {published})")


def read_digits() -> dict[str, Arrays]:
    """scikit-learn's 1,797 handwritten digits, 8x8, values 0..16 scaled to 0..255; 36 a class are for testing."""
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    images = np.round(values.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    is_test = np.zeros(len(labels), bool)
    is_test[labelled_indices(labels, DIGITS_TEST_PER_CLASS, seed=0)] = True
    return {
        "train": Arrays(images[~is_test], labels[~is_test]),
        "test": Arrays(images[is_test], labels[is_test]),
    }


def as_split(arrays: Arrays, image_shape: tuple[int, int, int] | None, where: str) -> SourceSplit:
    """`arrays` as NCHW blocks and int64 labels; `ValueError` where they are no uint8 images or no class numbers.

    Images may be (N, H, W), (N, H, W, C) or (N, C, H, W). `image_shape` decides where both of the last would do.
    """
    images, labels = arrays
    if images.dtype != np.uint8:
        span = f" from {images.min():g} to {images.max():g}" if images.size and images.dtype.kind in "biuf" else ""
        raise ValueError(f"{where}: images are {images.dtype}{span}, and must be uint8 from 0 to 255")
    if not len(images):
        raise ValueError(f"{where}: there are no images in it")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"{where}: images have shape {images.shape}, and must be (N, H, W), (N, H, W, C) or (N, C, H, W)"
        )
    is_nchw = images.shape[1:] == image_shape or (images.shape[1] in (1, 3) and images.shape[3] not in (1, 3))
    images = images if is_nchw else images.transpose(0, 3, 1, 2)
    if images.shape[1] not in (1, 3):
        raise ValueError(f"{where}: images have shape {arrays.images.shape}, and must have 1 or 3 channels")
    shape = (images.shape[1], images.shape[2], images.shape[3])
    if image_shape is not None and shape != image_shape:
        raise ValueError(f"{where}: images are {list(shape)}, and dataset.image_shape={list(image_shape)} must say so")
    return SourceSplit(
        len(images), shape, _blocks(images), None if labels is None else _class_numbers(labels, len(images), where)
    )


def with_numbered_classes(splits: dict[str, SourceSplit], where: str) -> dict[str, SourceSplit]:
    """`splits` with classes 0, 1, ... in place of labels that begin at 1 or have gaps, which are then their names.

    What was made of them is said in a line.
    """
    labels = [split.labels for split in splits.values() if split.labels is not None]
    found = np.unique(np.concatenate(labels)) if labels else np.arange(0)
    if np.array_equal(found, np.arange(len(found))):
        return splits
    shown = ", ".join(map(str, found if len(found) <= 12 else [*found[:5], "...", *found[-5:]]))
    log.warning("%s: labels are %s; taken as classes 0 to %d, in this order", where, shown, len(found) - 1)
    return {
        name: dataclasses.replace(
            split,
            labels=None if split.labels is None else np.searchsorted(found, split.labels),
            class_names=tuple(map(str, found)),
        )
        for name, split in splits.items()
    }


def _blocks(images: UInt8[np.ndarray, "image channel height width"]) -> Iterator[np.ndarray]:
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK]


def _class_numbers(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    if labels.dtype.kind not in "iu" or labels.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"{where}: labels are {labels.dtype} of shape {labels.shape}, and must be whole numbers, ({count},)"
        )
    if labels.min() < 0:
        raise ValueError(f"{where}: labels begin at {labels.min()}, and must be class numbers from 0")
    if labels.max() >= MOST_CLASSES:
        raise ValueError(f"{where}: labels reach {labels.max()}, and must be class numbers below {MOST_CLASSES}")
    return labels.reshape(count).astype(np.int64)
