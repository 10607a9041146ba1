"""Real images and random Inception weights, made once for all tests and workers."""

import fcntl
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from random_inception import write_random_inception


@pytest.fixture(scope="session")
def cifar10(real_data: Path) -> UInt8[np.ndarray, "60 3 32 32"]:
    """The first 60 test images."""
    with np.load(real_data / "cifar10.npz") as stored:
        return np.ascontiguousarray(stored["x_test"][:60].transpose(0, 3, 1, 2))


@pytest.fixture(scope="session")
def random_weights(cifar10: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random Inception weights; workers share it."""
    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if folder.name.startswith("popen-") else folder) / "random_inception.pth"
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_random_inception(path, torch.from_numpy(cifar10[:6]))
    return path
