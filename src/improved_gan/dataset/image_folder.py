"""A folder of images, or of class folders, each image cropped at its centre and scaled to one size."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ImageOps

from improved_gan.dataset.decoding import decode
from improved_gan.dataset.folder_files import SUFFIXES, counted, holds, image_files, is_hidden
from improved_gan.dataset.prepared import SourceSplit

log = logging.getLogger("improved_gan")
TEST_NAMES = ("test", "val", "valid", "validation", "dev")  # the first of them that is there is the test split
BLOCK = 256  # images decoded at a time
RULES = "rules 2"  # part of the key of a prepared folder: another, and all folders are prepared anew


@dataclass(frozen=True)
class FolderSplit:
    """The files of one split, those of a class together; no class names: no labels."""

    files: list[list[Path]]
    class_names: tuple[str, ...] | None


def find_splits(folder: Path) -> dict[str, FolderSplit]:
    """The splits of `folder`: `train` and one of `TEST_NAMES`, in any case, if it has them, else all for training.

    Raises `ValueError` where it is not clear what is what. What is left out is said in a line.
    """
    left_out: Counter[str] = Counter()
    parts = _subfolders(folder)
    names = [part.name.lower() for part in parts]
    if "train" not in names:
        splits = {"train": _split(folder, left_out)}
    else:
        places = dict(zip(names, parts, strict=True))
        others = [part.name for part in parts if part.name.lower() not in ("train", *TEST_NAMES)]
        if others or len(places) < len(parts):
            named = ", ".join(others or (part.name for part in parts))
            raise ValueError(
                f"{folder} holds a folder train beside others that are not one split each ({named}); "
                f"leave train and one of {', '.join(TEST_NAMES)}, or rename train if it is a class"
            )
        splits = {"train": _split(places["train"], left_out)}
        tests = [places[name] for name in TEST_NAMES if name in places]
        if tests:
            splits["test"] = _split(tests[0], left_out)
            if splits["test"].class_names != splits["train"].class_names:
                raise ValueError(f"{folder}: train and test must have the same class folders")
        if len(tests) > 1:
            unused = ", ".join(place.name for place in tests[1:])
            log.warning("dataset.path=%s: the test split is %s; not used: %s", folder, tests[0].name, unused)
    if left_out:
        log.warning("dataset.path=%s: skipped %s", folder, counted(left_out))
    return splits


def read_splits(
    folder: Path, splits: dict[str, FolderSplit], image_shape: tuple[int, int, int]
) -> dict[str, SourceSplit]:
    """The images of `splits`, decoded as they are asked for."""
    return {name: _read_split(f"dataset.path={folder}: {name}", split, image_shape) for name, split in splits.items()}


def _read_split(request: str, split: FolderSplit, image_shape: tuple[int, int, int]) -> SourceSplit:
    paths = [path for files in split.files for path in files]
    labels = np.repeat(np.arange(len(split.files)), [len(files) for files in split.files])
    blocks = _blocks(request, paths, image_shape)
    return SourceSplit(len(paths), image_shape, blocks, labels if split.class_names else None, split.class_names)


def _split(folder: Path, left_out: Counter[str]) -> FolderSplit:
    """One split: a subfolder a class, in alphabetical order, or images without labels."""
    classes, found = _subfolders(folder), image_files(folder, left_out)
    if classes and (stray := [path for path in found if path.parent == folder]):
        raise ValueError(f"{folder} holds images beside its class folders, {stray[0].name} for one; move them into one")
    files = [[path for path in found if path.is_relative_to(place)] for place in classes] if classes else [found]
    for place, within in zip(classes or [folder], files, strict=True):
        if not within:
            raise ValueError(f"{place} holds no images ({' '.join(SUFFIXES)})")
    return FolderSplit(files, tuple(place.name for place in classes) if classes else None)


def _subfolders(folder: Path) -> list[Path]:
    above = os.path.realpath(folder)
    return sorted(
        place
        for place in folder.iterdir()
        if place.is_dir() and not is_hidden(place.name) and not holds(os.path.realpath(place), above)
    )


def _blocks(request: str, paths: list[Path], shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    converted: Counter[str] = Counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BLOCK):
            read = list(pool.map(partial(_read, shape=shape), paths[start : start + BLOCK]))
            for _, words in read:
                converted.update(words)
            yield np.stack([pixels for pixels, _ in read])
    if converted:
        log.warning("%s images converted: %s", request, counted(converted))


def _read(path: Path, shape: tuple[int, int, int]) -> tuple[UInt8[np.ndarray, "channel height width"], list[str]]:
    channels, height, width = shape
    image, converted = decode(path)
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        converted.append("in colour made gray" if mode == "L" else "in gray made RGB")
    pixels = np.asarray(ImageOps.fit(image.convert(mode), (width, height)))
    return (pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)), converted
