"""A folder of images, or of class folders, each image cropped at its centre and scaled to one size."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from improved_gan.dataset.prepared import SourceSplit

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
SPLITS = {"train": "train", "test": "test", "val": "test", "validation": "test"}  # a folder's name, the split in it
BLOCK = 256  # images decoded at a time


def image_files(folder: Path) -> list[Path]:
    """All images below `folder`, in one fixed order."""
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )


def read_image_folder(folder: Path, image_shape: tuple[int, int, int]) -> dict[str, SourceSplit]:
    """The splits of `folder`: subfolders `train` and `test` (or `val`) if it has them, else all of it for training."""
    parts = _subfolders(folder)
    if "train" in (part.name for part in parts) and all(part.name in SPLITS for part in parts):
        splits = {SPLITS[part.name]: _split(part, image_shape) for part in parts}
        if "test" in splits and splits["test"].class_names != splits["train"].class_names:
            raise ValueError(f"{folder}: train and test must have the same class folders")
        return splits
    return {"train": _split(folder, image_shape)}


def _split(folder: Path, image_shape: tuple[int, int, int]) -> SourceSplit:
    """One split: a subfolder a class, in alphabetical order, or images without labels."""
    classes = _subfolders(folder)
    if classes and (stray := [path for path in image_files(folder) if path.parent == folder]):
        raise ValueError(f"{folder} holds images beside its class folders, {stray[0].name} for one; move them into one")
    files = [image_files(place) for place in classes] if classes else [image_files(folder)]
    for place, found in zip(classes or [folder], files, strict=True):
        if not found:
            raise ValueError(f"{place} holds no images ({' '.join(SUFFIXES)})")
    paths = [path for found in files for path in found]
    labels = np.repeat(np.arange(len(files)), [len(found) for found in files]) if classes else None
    names = tuple(place.name for place in classes) if classes else None
    return SourceSplit(len(paths), image_shape, _blocks(paths, partial(_read, shape=image_shape)), labels, names)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))


def _blocks(paths: list[Path], read: Callable[[Path], np.ndarray]) -> Iterator[np.ndarray]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BLOCK):
            yield np.stack(list(pool.map(read, paths[start : start + BLOCK])))


def _read(path: Path, shape: tuple[int, int, int]) -> UInt8[np.ndarray, "channel height width"]:
    channels, height, width = shape
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):  # conversion would clip them to white
                raise ValueError("has more than 8 bits a channel")
            pixels = np.asarray(ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no readable 8-bit image ({error})") from error
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)
