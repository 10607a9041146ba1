"""Images to be judged in a folder or an .npz, or points in an .npz: read whole and checked before any computing."""

import hashlib
import logging
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from tqdm import tqdm

from improved_gan.config import UsageError
from improved_gan.dataset.decoding import decode
from improved_gan.dataset.folder_files import SUFFIXES, counted, image_files
from improved_gan.metrics.inputs import ImageSet

log = logging.getLogger("improved_gan")
LOSSY = (".jpg", ".jpeg", ".jfif")


def read_images(
    path: Path, *, skip_unreadable: bool, count: int, seed: int, split: str | None = None
) -> tuple[ImageSet, int]:
    """`count` images at `path` in an order shuffled by `seed`, and how many files were skipped.

    Shuffled, as files and rows often lie in order of their classes. `split` says which images of an .npz with
    `x_train` and `x_test` are meant.

    Raises `UsageError` for whatever cannot be scored: no images, other values than bytes, other channels than 1 or
    3, sizes that differ, unreadable files (all named or counted) unless `skip_unreadable`.
    """
    if path.is_dir():
        name, (images, skipped) = path.resolve().name, _read_folder(path, skip_unreadable, count, seed)
    else:
        name, images, skipped = path.stem + (f"-{split}" if split else ""), _read_npz(path, count, seed, split), 0
    return ImageSet(name, hashlib.sha256(images.tobytes()).hexdigest(), images), skipped


def read_points(path: Path, count: int) -> ImageSet:
    """The first `count` points of an .npz with `points`, (n, coordinates), of any type of number.

    Raises `UsageError` for whatever cannot be scored.
    """
    points, request = _read_array(path, "points"), f"images={path}"
    if points.ndim != 2 or points.dtype.kind not in "fiu" or 0 in points.shape:
        raise UsageError(f"{request}: `points` must be numbers (n, coordinates); it is {points.dtype} {points.shape}")
    if not np.isfinite(points).all():
        raise UsageError(f"{request}: `points` must be finite; it is {points.dtype}{_range(points)}")
    chosen: Float32[np.ndarray, "n coordinate 1 1"] = points[:count, :, None, None].astype(np.float32)
    return ImageSet(path.stem, hashlib.sha256(chosen.tobytes()).hexdigest(), chosen)


def _read_array(path: Path, name: str, split: str | None = None) -> np.ndarray:
    request = f"images={path}"
    if path.is_dir():
        raise UsageError(f"{request}: must be an .npz with `{name}`, or a run")
    try:
        # Not np.load: it takes other files for arrays or pickles.
        with open(path, "rb") as archive, np.lib.npyio.NpzFile(archive, allow_pickle=False) as stored:
            splits = [each for each in ("train", "test") if f"x_{each}" in stored]
            if split is not None or (name == "images" and name not in stored and splits):  # as Keras lays sets out
                if split not in splits:
                    held = " and ".join(f"x_{each}" for each in splits) or "neither x_train nor x_test"
                    advice = f"evaluate.split={' or '.join(splits)}" if splits else "remove evaluate.split"
                    raise UsageError(f"{request}: holds {held}; {advice}")
                name = f"x_{split}"
            elif stored.files == ["arr_0"]:  # as np.savez calls an array without a name
                name = "arr_0"
            if name not in stored:
                held = ", ".join(stored.files)
                hint = "; points require dataset=ring or another set of points" if held == "points" else ""
                raise UsageError(f"{request}: must hold an array `{name}` (it holds {held}{hint})")
            array: np.ndarray = stored[name]
            return array
    except UsageError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{request}: cannot be read as an .npz ({error})") from error


def _read_npz(path: Path, count: int, seed: int, split: str | None) -> UInt8[np.ndarray, "n channel height width"]:
    images, request = _read_array(path, "images", split), f"images={path}"
    if images.dtype != np.uint8:
        raise UsageError(f"{request}: `images` must be uint8, 0..255; it is {images.dtype}{_range(images)}")
    images, shape = _channels_last(images), images.shape
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UsageError(f"{request}: `images` must be (n, height, width, 1 or 3 channels); it is {tuple(shape)}")
    if len(images) == 0:
        raise UsageError(f"{request}: `images` is empty")
    return np.ascontiguousarray(images[_order(len(images), seed)[:count]].transpose(0, 3, 1, 2))


def _order(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count)


def _channels_last(images: np.ndarray) -> np.ndarray:
    """(n, height, width) and (n, channels, height, width) as (n, height, width, channels), where only that can be."""
    if images.ndim == 3 and images.shape[2] not in (1, 3):
        return images[..., None]
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        return images.transpose(0, 2, 3, 1)
    return images


def _range(images: np.ndarray) -> str:
    if images.dtype.kind not in "fiu" or images.size == 0:
        return ""
    finite = images[np.isfinite(images)]
    limits = f" of {finite.min():g} to {finite.max():g}" if finite.size else ""
    return limits + (f" with {images.size - finite.size} NaN or infinite" if finite.size < images.size else "")


def _read_folder(
    folder: Path, skip_unreadable: bool, count: int, seed: int
) -> tuple[UInt8[np.ndarray, "n channel height width"], int]:
    left_out: Counter[str] = Counter()
    paths = image_files(folder, left_out)
    if not paths:
        raise UsageError(f"images={folder}: there are no images in it ({', '.join(SUFFIXES)})")
    if any(_is_lossy(path) for path in paths):
        log.warning("images=%s: some are lossily compressed, which moves FID", folder)
    if left_out:
        log.warning("images=%s: skipped %s", folder, counted(left_out))
    images: list[np.ndarray] = []
    names: list[str] = []
    unreadable: list[str] = []
    converted: Counter[str] = Counter()
    reason = ""
    for path in tqdm(
        [paths[index] for index in _order(len(paths), seed)], desc="reading images", unit="image", delay=1
    ):
        if len(images) == count:
            break
        try:
            decoded, words = decode(path)
        except ValueError as error:
            unreadable.append(path.name)
            reason = str(error)
            continue
        converted.update(words)
        pixels = np.asarray(decoded)
        image = pixels[None] if decoded.mode == "L" else pixels.transpose(2, 0, 1)
        images.append(image)
        names.append(path.name)
    if unreadable:
        named = ", ".join(sorted(unreadable)[:5]) + (", ..." if len(unreadable) > 5 else "")
        what = f"{len(unreadable)} unreadable image{'s' if len(unreadable) > 1 else ''} ({named})"
        if not skip_unreadable or not images:
            raise UsageError(f"images={folder}: {what}: {reason}; evaluate.skip_unreadable=true skips such files")
        log.warning("images=%s: skipped %s", folder, what)
    usual = Counter(image.shape[1:] for image in images).most_common(1)[0][0]
    for name, image in zip(names, images, strict=True):
        if image.shape[1:] != usual:
            raise UsageError(
                f"images={folder}: {name} is {_shape(image)} and others are {usual[0]}x{usual[1]}; "
                "all must have one shape"
            )
    gray = sum(len(image) == 1 for image in images)
    if 0 < gray < len(images):
        converted["in gray made RGB"] = gray
        images = [np.repeat(image, 3, axis=0) if len(image) == 1 else image for image in images]
    if converted:
        log.warning("images=%s: images converted: %s", folder, counted(converted))
    return np.stack(images), len(unreadable)


def _is_lossy(path: Path) -> bool:
    """Whether the file's compression changes pixels: JPEG, and WebP but for its lossless form."""
    if path.suffix.lower() != ".webp":
        return path.suffix.lower() in LOSSY
    with open(path, "rb") as file:
        return b"VP8L" not in file.read(64)


def _shape(image: np.ndarray) -> str:
    channels, height, width = image.shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
