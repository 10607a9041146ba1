"""Images decoded by all cores into parts of a few hundred, each a file that is there whole or not at all.

A part is named by a hash of its files' names, sizes and times of change, so whoever repeats an interrupted decoding
does what is missing and what has changed, and nothing else. No process ever holds more than one part.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from improved_gan.dataset.decoding import decode
from improved_gan.dataset.folder_files import SUFFIXES, is_hidden
from improved_gan.files import atomic_write

PART = 256  # images at most
RULES = "bilinear 1"  # part of what a part is known by: another, and all images are decoded anew


class Part(NamedTuple):
    """Some images of one folder, and the file that they are decoded into."""

    folder: Path
    names: list[str]
    file: Path


def image_names(folder: Path) -> list[str]:
    """The images that lie in `folder` itself, in alphabetical order."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.name.lower().endswith(SUFFIXES) and not is_hidden(e.name))


def parts_of(folder: Path, shape: Sequence[int], store: Path) -> Iterator[Part]:
    """The images of one folder, in parts."""
    names = image_names(folder)
    for start in range(0, len(names), PART):
        chosen = names[start : start + PART]
        known = hashlib.sha256(f"{RULES} {tuple(shape)}".encode())
        for name in chosen:
            status = os.stat(folder / name)
            known.update(os.fsencode(f"\n{name} {status.st_size} {status.st_mtime_ns}"))
        yield Part(folder, chosen, store / f"{known.hexdigest()[:24]}.npy")


def decode_parts(parts: Iterable[Part], shape: tuple[int, int, int], total: int, title: str) -> Iterator[list[str]]:
    """Decode those parts that are not there yet, on all cores; yield what is wrong with the files of each.

    `parts` are asked for a few at a time; `total` images for the progress bar.
    """
    from joblib import Parallel, cpu_count, delayed

    workers = min(cpu_count(), -(-total // PART))
    work = (delayed(write_part)(part, shape) for part in parts)
    with tqdm(total=total, desc=title, unit="image", delay=0.5) as progress:
        for count, damaged in Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)(work):
            progress.update(count)
            yield damaged


def write_part(part: Part, shape: tuple[int, int, int]) -> tuple[int, list[str]]:
    """How many images the part has, and a line for each that cannot be read; if there is none, the file is written."""
    if part.file.is_file():
        return len(part.names), []
    pixels, damaged = np.empty((len(part.names), *shape), np.uint8), []
    for into, name in zip(pixels, part.names, strict=True):
        try:
            into[:] = cropped(decode(part.folder / name)[0], shape)
        except ValueError as error:
            damaged.append(str(error))
    if not damaged:
        with atomic_write(part.file) as file:
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(pixels))
            file.write(pixels.data)  # a full disk is then said to be one; np.save's message has numbers of bytes
    return len(part.names), damaged


def cropped(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """The largest part at the centre that has the proportions of `shape`, scaled to it bilinearly, anti-aliased."""
    channels, height, width = shape
    fitted = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted)
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)
