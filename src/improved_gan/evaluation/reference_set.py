"""Real images of a data set as metrics take them, and where what is known of them is kept."""

import os
from pathlib import Path

import numpy as np

from improved_gan.dataset import PreparedDataset
from improved_gan.dataset.prepared import store_folders
from improved_gan.metrics.inputs import ImageSet


def real_images(dataset: PreparedDataset, split: str, count: int | None = None) -> ImageSet | None:
    """The first `count` images of a split, or evenly spread ones where it is sorted by class; None if there is no such.

    The whole split where `count` is None or too many.
    """
    images = {"train": dataset.train, "test": dataset.test}[split]
    if images is None:
        return None
    total = len(images.images)
    count = min(count or total, total)
    ordered = count < total and images.labels is not None and bool((np.diff(images.labels) >= 0).all())
    chosen = np.arange(count) * total // count if ordered else slice(count)
    return ImageSet(
        dataset.name,
        f"{dataset.checksum} {split} {'spread' if ordered else 'first'} {count} of {total}",
        images.images[chosen],
        None if images.labels is None else np.asarray(images.labels[chosen]),
        split,
    )


def cache_folder(dataset: PreparedDataset) -> Path:
    """Beside the prepared images, or in the user's cache folder, if there is one, where that is read-only."""
    if os.access(dataset.folder, os.W_OK):
        return dataset.folder / "features"
    try:
        return store_folders(None)[0] / "features"
    except RuntimeError:  # nobody says where home is
        return dataset.folder / "features"
