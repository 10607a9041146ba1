"""ImageNet (ILSVRC2012) as its archives unpack: train/nXXXXXXXX/*.JPEG, a folder a class, and val/ likewise.

Cropped at the centre and resized bilinearly, as in the authors' code. Where the prepared form is there alone, that
will do.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from improved_gan.dataset.decoded_parts import RULES, decode_parts, image_names, parts_of
from improved_gan.dataset.prepared import DESCRIPTION, SourceSplit, parts_folder, store_folders
from improved_gan.dataset.source import Dataset, Shape, Source
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError

log = logging.getLogger("improved_gan")
NAME, REQUEST = "imagenet128", "dataset=imagenet128"
PLACES = ("ILSVRC2012", "imagenet", "ILSVRC/Data/CLS-LOC", "")  # below data_root
CLASS = re.compile(r"n\d{8}")  # WordNet's number
CLASSES, PUBLISHED = 1000, {"train": 1_281_167, "test": 50_000}
SHOWN = 3  # damaged files in a message


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """Return what is there of ImageNet below `data_root`: its folders, or a prepared form; no image is opened."""
    assert shape is not None
    folder = next((data_root / place for place in PLACES if _classes(data_root / place / "train")), None)
    if folder is None:
        key = _prepared(data_root, shape)
        return Source(NAME, REQUEST, str(data_root), data_root, [], shape, _nothing, prepared_as=key)
    splits = _splits(folder)
    known = [RULES, *(f"{each.relative_to(folder)} {each.stat().st_mtime_ns}" for s in splits.values() for each in s)]
    read = partial(_read, splits, shape)
    return Source(NAME, REQUEST, str(folder), data_root, [], shape, read, recipe="\n".join(known))


def check(config: DatasetConfig, run: Any) -> None:
    """Images are scaled to one size, which must be said."""
    if config.image_shape is None:
        raise UsageError("dataset.image_shape=null: must be [channels, height, width] to scale to")


def _classes(folder: Path) -> list[Path]:
    """The class folders of a split, in the order of their names, which numbers them; none where there is no such."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(each.path) for each in entries if CLASS.fullmatch(each.name) and each.is_dir())


def _splits(folder: Path) -> dict[str, list[Path]]:
    splits = {"train": _classes(folder / "train")}
    tests = _classes(folder / "val")
    unknown = {each.name for each in tests} - {each.name for each in splits["train"]}
    if unknown:
        raise UsageError(f"{REQUEST}: {folder / 'val'} holds classes that train does not: {', '.join(sorted(unknown))}")
    return splits | ({"test": tests} if tests else {})


def _prepared(root: Path, shape: Shape) -> str:
    """The key of a prepared form that is there without the images, which may have been deleted since."""
    for store in store_folders(root):
        for description in sorted(store.glob(f"{NAME}-*/{DESCRIPTION}")):
            with suppress(ValueError, KeyError, TypeError):  # of one that is damaged
                if json.loads(description.read_text())["image_shape"] == list(shape):
                    return description.parent.name
    raise UsageError(
        f"data_root={root}: holds neither ImageNet's train/nXXXXXXXX folders (in {', '.join(PLACES[:-1])} or itself) "
        f"nor {NAME} prepared; unpack ILSVRC2012 there, or set data_root= to where it is"
    )


def _nothing(_: Path) -> dict[str, SourceSplit]:
    raise AssertionError("what is prepared is not read")


def _read(splits: dict[str, list[Path]], shape: Shape, scratch: Path) -> dict[str, SourceSplit]:
    """Decode what has not been decoded yet; raise `ValueError`, with all damaged files named, where there are any."""
    store = parts_folder(scratch, NAME)
    counts = {split: [len(image_names(folder)) for folder in folders] for split, folders in splits.items()}
    if not sum(counts["train"]):
        raise ValueError(f"{splits['train'][0].parent} holds no images")
    damaged = [
        line
        for split, folders in splits.items()
        for lines in decode_parts(
            (part for folder in folders for part in parts_of(folder, shape, store)),
            shape,
            sum(counts[split]),
            f"decoding {split} images",
        )
        for line in lines
    ]
    if damaged:
        raise ValueError(_complaint(sorted(damaged), store))
    if "test" not in splits:
        log.warning("%s: no test split; val/nXXXXXXXX with a folder a class would be one", REQUEST)
    names = tuple(folder.name for folder in splits["train"])
    for split, count in counts.items():
        if (sum(count), len(count)) != (PUBLISHED[split], CLASSES):
            whole = f"ILSVRC2012 has {PUBLISHED[split]:,} of {CLASSES:,}"
            log.warning(
                "%s: %s holds %s images of %s classes; %s", REQUEST, split, f"{sum(count):,}", len(count), whole
            )
    return {
        split: SourceSplit(
            sum(counts[split]),
            shape,
            _blocks(folders, counts[split], shape, store),
            np.repeat([names.index(folder.name) for folder in folders], counts[split]),
            names,
        )
        for split, folders in splits.items()
    }


def _complaint(damaged: list[str], store: Path) -> str:
    listed = store / "damaged.txt"
    store.mkdir(exist_ok=True)
    listed.write_text("\n".join(damaged) + "\n")
    shown = "; ".join(damaged[:SHOWN]) + (f"; and {len(damaged) - SHOWN} more" if len(damaged) > SHOWN else "")
    return f"{shown}. {listed} lists them; mend or delete them and repeat the command, which keeps what is done"


def _blocks(folders: list[Path], counts: list[int], shape: Shape, store: Path) -> Iterator[np.ndarray]:
    for folder, count in zip(folders, counts, strict=True):
        found = 0
        for part in parts_of(folder, shape, store):
            if not part.file.is_file():
                raise ValueError(f"{folder} was changed while it was read; repeat the command")
            block = np.load(part.file, allow_pickle=False)
            found += len(block)
            yield block
        if found != count:
            raise ValueError(f"{folder} was changed while it was read ({found} images, {count} before); repeat")


DATASET = Dataset(find=find, check=check)
