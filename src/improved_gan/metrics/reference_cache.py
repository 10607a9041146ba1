"""Features of real images on disk beside the data, worked out by one process while the others wait."""

import hashlib
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from improved_gan.files import atomic_write, load_or_compute
from improved_gan.metrics.extraction import ClassStatistics, Features, Moments

log = logging.getLogger("improved_gan")
FORMAT = 1


def cached_features(folder: Path, key: str, *, keep: bool, compute: Callable[[], Features]) -> Features:
    """The features stored under `key`, or else `compute()`'s, which are then stored.

    `key` says everything that they depend on (images, network, splits). With `keep`, stored features must hold the
    values of every image; statistics that were stored without them are worked out anew.
    """
    path = folder / f"features-{hashlib.sha256(f'{FORMAT} {key}'.encode()).hexdigest()[:16]}.npz"

    return load_or_compute(
        path, lambda: _read(path, key, keep), compute, lambda features: _write(path, key, features), "works out"
    )


def _write(path: Path, key: str, features: Features) -> None:
    arrays: dict[str, Any] = {
        "key": np.array(key),
        "network": np.array(features.network),
        "count": np.array(features.moments.count),
        "mean": features.moments.mean.numpy(),
        "covariance": features.moments.covariance.numpy(),
        "counts": features.classes.counts.numpy(),
        "summed": features.classes.summed.numpy(),
        "negentropy": features.classes.negentropy.numpy(),
    }
    if features.values is not None and features.logits is not None:
        arrays |= {"values": features.values.numpy(), "logits": features.logits.numpy()}
    with atomic_write(path) as file:
        np.savez(file, **arrays)


def _read(path: Path, key: str, keep: bool) -> Features | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["key"]) != key or (keep and "values" not in stored):
                return None
            tensors = {
                name: torch.from_numpy(stored[name])
                for name in stored.files
                if name not in ("key", "network", "count") and (keep or name not in ("values", "logits"))
            }
            return Features(
                str(stored["network"]),
                Moments(int(stored["count"]), tensors["mean"], tensors["covariance"]),
                ClassStatistics(tensors["counts"], tensors["summed"], tensors["negentropy"]),
                tensors.get("values"),
                tensors.get("logits"),
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        log.warning("%s is damaged and is recomputed", path)
        return None
