"""The prepared form of an image set: a folder of `.npy` arrays and a JSON that vouches for each of them.

It is written under another name and renamed when whole, by one process while the others wait, so a folder that is
there is complete.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Real
from tqdm import tqdm

from improved_gan.file_lock import hold
from improved_gan.remarks import collecting_remarks
from improved_gan.schema import UsageError

FORMAT = 1  # part of every prepared folder's key: another number, and everything is prepared anew
DESCRIPTION = "dataset.json"
ALWAYS_VERIFIED = 2**30  # bytes; a file as large as this is hashed in about a second


class PreparedSplit(NamedTuple):
    """Images in 0..255 (or points, float32), memory-mapped and read-only, and their class numbers if there are any."""

    images: Real[np.ndarray, "image channel height width"]
    labels: Int64[np.ndarray, " image"] | None


class Modes(NamedTuple):
    """The Gaussians that points were drawn from: isotropic, with their share of the points."""

    centres: Float64[np.ndarray, "mode coordinate"]
    deviations: Float64[np.ndarray, " mode"]
    weights: Float64[np.ndarray, " mode"]  # their sum is 1


@dataclass(frozen=True)
class PreparedDataset:
    """An opened image set; `checksum` depends on its content alone, not on where it lies or came from."""

    name: str
    image_shape: tuple[int, int, int]  # channels, height, width
    classes: int | None
    class_names: tuple[str, ...] | None
    train: PreparedSplit
    test: PreparedSplit | None
    checksum: str
    folder: Path  # where the prepared form lies; other things known of the images may lie there too
    modes: Modes | None = None  # of points


@dataclass(frozen=True)
class SourceSplit:
    """A split on its way in: its images come in blocks, so that a set larger than memory can pass."""

    count: int
    image_shape: tuple[int, int, int]
    blocks: Iterator[Real[np.ndarray, "block channel height width"]]
    labels: Int64[np.ndarray, " image"] | None
    class_names: tuple[str, ...] | None = None
    dtype: str = "uint8"  # points: float32
    modes: Modes | None = None  # of points


def store_folders(data_root: Path | None) -> list[Path]:
    """Where prepared forms may lie, best first: beside the sources, and in the user's cache folder.

    Raises `RuntimeError` where only the latter can be and nobody says where home is.
    """
    beside = [] if data_root is None else [data_root / "prepared"]
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "improved_gan"
    except RuntimeError:
        if data_root is None or not data_root.is_dir():
            raise
        return beside
    return [*beside, cache]


def prepare(
    stores: list[Path], key: str, name: str, description: str, read: Callable[[Path], Mapping[str, SourceSplit]]
) -> Path:
    """Write the splits that `read(scratch folder)` yields to `key` in the first writable store; return the folder."""
    store = next((store for store in stores[:-1] if _is_writable(store)), stores[-1])
    with _exclusive_lock(store):
        folder, partial = store / key, store / f".{key}.partial"
        if folder.is_dir():  # another process made it while this one waited
            return folder
        for left in store.glob(".*.partial"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            (partial / "scratch").mkdir(parents=True)
            with collecting_remarks() as remarks:  # said whenever the set is loaded, not only now
                _write(partial, name, description, read(partial / "scratch"), remarks)
            shutil.rmtree(partial / "scratch")
            partial.rename(folder)
            shutil.rmtree(_parts_folder(store, name), ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def parts_folder(scratch: Path, name: str) -> Path:
    """A folder beside `scratch` for what a reader has done so far; unlike it, there until the set is prepared."""
    return _parts_folder(scratch.parents[1], name)


def _parts_folder(store: Path, name: str) -> Path:
    return store / f".{name}.parts"


def open_prepared(folder: Path, *, verify_all: bool = False) -> PreparedDataset:
    """Map the arrays of a prepared folder; `UsageError` names the file that is not as it was written."""
    description = _description(folder)
    try:
        splits = {
            split: PreparedSplit(
                _map(folder, files["images"], verify_all),
                None if files["labels"] is None else _map(folder, files["labels"], verify_all),
            )
            for split, files in description["splits"].items()
        }
    except (KeyError, TypeError) as error:
        raise _damaged(folder, DESCRIPTION) from error
    names, modes = description["class_names"], description.get("modes")
    return PreparedDataset(
        name=description["name"],
        image_shape=tuple(description["image_shape"]),
        classes=description["classes"],
        class_names=None if names is None else tuple(names),
        train=splits["train"],
        test=splits.get("test"),
        checksum=description["checksum"],
        folder=folder,
        modes=None if modes is None else Modes(**{name: np.array(values) for name, values in modes.items()}),
    )


def prepared_checksum(folder: Path) -> str:
    """The checksum of a prepared folder, as its description states it; the arrays are not read."""
    return str(_description(folder)["checksum"])


def remarks_on(folder: Path) -> list[str]:
    """What was to be said while the images of a prepared folder were read: of labels, of conversions."""
    return list(_description(folder).get("remarks", []))


def _description(folder: Path) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
        if description["checksum"] == _checksum(description):
            return description
    except (ValueError, FileNotFoundError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder, DESCRIPTION) from error
    raise _damaged(folder, DESCRIPTION)


def _write(folder: Path, name: str, source: str, splits: Mapping[str, SourceSplit], remarks: list[str]) -> None:
    train = splits["train"]
    for split, content in splits.items():
        if content.image_shape != train.image_shape:
            raise ValueError(f"{split} images are {content.image_shape}, train images {train.image_shape}")
        if (content.labels is None) != (train.labels is None):
            raise ValueError("one of train and test has labels and the other has none")
    labels = [content.labels for content in splits.values() if content.labels is not None]
    classes = max(int(each.max()) + 1 for each in labels) if labels else None
    description: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "source": source,
        "image_shape": train.image_shape,
        "classes": classes if train.class_names is None else len(train.class_names),
        "class_names": train.class_names,
        "splits": {split: _write_split(folder, split, content) for split, content in splits.items()},
        "remarks": remarks,
    }
    if train.modes is not None:  # what images have none of is not mentioned: their checksums stay what they are
        description["dtype"] = train.dtype
        description["modes"] = {name: values.tolist() for name, values in train.modes._asdict().items()}
    description["checksum"] = _checksum(description)
    with open(folder / DESCRIPTION, "x") as file:
        json.dump(description, file, indent=1)
        os.fsync(file.fileno())


def _write_split(folder: Path, split: str, content: SourceSplit) -> dict[str, Any]:
    images, labels, written = folder / f"{split}_images.npy", folder / f"{split}_labels.npy", 0
    header = {
        "descr": np.dtype(content.dtype).str,
        "fortran_order": False,
        "shape": (content.count, *content.image_shape),
    }
    # `delay`: no bar for a set that is prepared in the blink of an eye. Plain writes: a full disk is then an error,
    # where writing through a memory map would kill the process.
    with (
        open(images, "xb") as file,
        tqdm(total=content.count, desc=f"preparing {split} images", unit="image", delay=0.5) as progress,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for block in content.blocks:
            file.write(np.ascontiguousarray(block).data)
            written += len(block)
            progress.update(len(block))
    assert written == content.count
    if content.labels is None:
        return {"images": _vouch_for(images), "labels": None}
    np.save(labels, content.labels)
    return {"images": _vouch_for(images), "labels": _vouch_for(labels)}


def _vouch_for(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return {
            "file": path.name,
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def _map(folder: Path, entry: dict[str, Any], verify_all: bool) -> np.ndarray:
    path = folder / entry["file"]
    if not path.is_file() or path.stat().st_size != entry["bytes"]:
        raise _damaged(folder, path.name)
    if verify_all or entry["bytes"] <= ALWAYS_VERIFIED:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                raise _damaged(folder, path.name)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _checksum(description: dict[str, Any]) -> str:
    content = {key: value for key, value in description.items() if key not in ("source", "remarks", "checksum")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _damaged(folder: Path, file: str) -> UsageError:
    return UsageError(f"{folder / file}: truncated, altered or missing; delete {folder} and it is prepared afresh")


def _is_writable(store: Path) -> bool:
    folder = store if store.exists() else store.parent
    # The mode as well: a folder whose owner took away write permission is meant to stay as it is, for root too.
    return folder.is_dir() and bool(folder.stat().st_mode & 0o222) and os.access(folder, os.W_OK)


@contextmanager
def _exclusive_lock(store: Path) -> Iterator[None]:
    """Keep other processes from preparing anything in `store`; leaves no lock file behind, nor an empty folder."""
    path = store / ".lock"
    while True:
        try:
            store.mkdir(parents=True, exist_ok=True)
            lock = open(path, "a")  # noqa: SIM115 closed below, or with the process
        except FileNotFoundError:  # another process has just removed the empty folder
            continue
        except OSError as error:
            raise UsageError(
                f"{store}: must be a writable folder ({error.strerror}); set XDG_CACHE_HOME to one"
            ) from error
        try:
            hold(lock, wait=False)
        except BlockingIOError:
            logging.getLogger("improved_gan").info("waiting for another process that prepares images in %s", store)
            hold(lock, wait=True)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                break
        lock.close()  # the process before us removed this file: we hold nothing that others would wait for
    try:
        yield
    finally:
        path.unlink()
        lock.close()
        with suppress(OSError):
            store.rmdir()
