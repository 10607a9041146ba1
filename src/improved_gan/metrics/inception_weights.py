"""Inception's weights: the user's own file, or one download into torch's shared cache, checked before it is opened."""

import hashlib
import logging
import pickle
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from improved_gan.file_lock import hold
from improved_gan.metrics.inputs import MetricUnavailable
from improved_gan.schema import UsageError

log = logging.getLogger("improved_gan")

# https://github.com/toshas/torch-fidelity/releases v0.2.0; pytorch-fid's file has the same content.
FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
PATIENCE = 10  # seconds without an answer


class InceptionWeights(NamedTuple):
    """Weights by name, the SHA-256 of the file that they come from, and that file."""

    state: dict[str, Tensor]
    checksum: str
    path: Path


def inception_weights(path: str | None) -> InceptionWeights:
    """The weights in the user's file `path`, or torch-fidelity's where that is None.

    Raises `UsageError` if the user's file is not Inception's weights, `MetricUnavailable` if the download fails.
    """
    return read_weights(Path(path)) if path is not None else _open(_downloaded(), SHA256)


def read_weights(path: Path) -> InceptionWeights:
    """Weights from a user's own file: nothing in it is executed, names and shapes must be the network's."""
    if not path.is_file():
        raise UsageError(f"metrics.inception_weights={path}: there is no such file")
    weights = _open(path, _sha256(path))
    wrong = _difference(weights.state)
    if wrong:
        raise UsageError(f"metrics.inception_weights={path}: not the weights of inception-2015-12-05 ({wrong})")
    return weights


def _open(path: Path, checksum: str) -> InceptionWeights:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = "truncated, or no PyTorch file of weights alone"
        raise UsageError(f"metrics.inception_weights={path}: cannot be read ({reason})") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UsageError(f"metrics.inception_weights={path}: must hold a state dict, names with tensors")
    return InceptionWeights(state, checksum, path)


def _difference(state: dict[str, Tensor]) -> str | None:
    """The first thing in which `state` is not what the network wants, in words."""
    from improved_gan.metrics.inception import UnloadedInception

    wanted = UnloadedInception().state_dict()
    for name, tensor in wanted.items():
        if name not in state:
            return f"{name} is missing"
        if state[name].shape != tensor.shape:
            return f"{name} is {list(state[name].shape)}, and must be {list(tensor.shape)}"
        if state[name].dtype != tensor.dtype:
            return f"{name} is {state[name].dtype}, and must be {tensor.dtype}"
        if not state[name].sum().isfinite():  # of the sum: no array of the answers is needed
            return f"{name} holds NaN or infinity"
    unknown = [name for name in state if name not in wanted]
    return f"{unknown[0]} is unknown" if unknown else None


def _downloaded() -> Path:
    """The file in torch's cache, where torch-fidelity keeps it too; downloaded by one process while others wait."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / FILE
    try:
        if path.is_file() and _sha256(path) == SHA256:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{FILE}.lock"), _patient():
            if not (path.is_file() and _sha256(path) == SHA256):
                log.info("downloading Inception's weights (95.6 MB) to %s", path)
                torch.hub.download_url_to_file(URL, str(path), hash_prefix=SHA256)
    except (OSError, RuntimeError) as error:  # no network, no room, another checksum
        raise MetricUnavailable(
            f"no Inception weights ({error}); metrics.inception_weights=PATH takes {FILE} from elsewhere"
        ) from error
    return path


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with open(lock, "a") as file:
        hold(file, wait=True)
        yield


@contextmanager
def _patient() -> Iterator[None]:
    """A server that does not answer is given up in the end."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
