"""Checkpoints: everything that decides how training goes on, written whole, readable with weights_only."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from improved_gan.files import atomic_write

log = logging.getLogger("improved_gan")
KEPT = 2


def save_checkpoint(state: dict[str, Any], folder: Path, step: int) -> Path:
    """Write `step_NNNNNN.pt` and drop all but the newest two."""
    path = folder / f"step_{step:06d}.pt"
    write_state(state, path)
    for old in step_checkpoints(folder)[KEPT:]:
        old.unlink()
    return path


def write_state(state: dict[str, Any], path: Path) -> None:
    """`torch.save` under a temporary name, synced, then renamed."""
    with atomic_write(path) as file:
        torch.save(state, file)


def step_checkpoints(folder: Path) -> list[Path]:
    """The step checkpoints in `folder`, newest first."""
    numbered = [path for path in folder.glob("step_*.pt") if re.fullmatch(r"step_\d+\.pt", path.name)]
    return sorted(numbered, key=lambda path: int(path.stem.split("_")[1]), reverse=True)


def read_state(path: Path, device: torch.device | str) -> dict[str, Any]:
    """The state that `write_state` wrote to `path`; raises `ValueError` with the reason if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load takes altered numbers without a word
            altered = archive.testzip()
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # whatever a damaged file makes torch say
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0]) from error
    if altered is not None:
        raise ValueError(f"bad checksum of {altered}")
    if not isinstance(state, dict) or not {"step", "pair"} <= state.keys():
        raise ValueError("no checkpoint of a run")
    return state


def load_newest(folder: Path, device: torch.device | str) -> dict[str, Any] | None:
    """The newest step checkpoint that can be read, with a warning for each that cannot; none if there is none."""
    for path in step_checkpoints(folder):
        try:
            return read_state(path, device)
        except ValueError as error:
            log.warning("%s is damaged (%s); falling back to the checkpoint before it", path, error)
    return None
