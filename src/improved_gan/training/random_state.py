"""The random states that training draws from: the CPU's and, where it runs on a GPU, that GPU's; no other's."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

log = logging.getLogger("improved_gan")


def random_state(device: torch.device) -> dict[str, Any]:
    """What `restore_random_state` needs: the device's stream is kept by its kind, not by its index."""
    own = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "device_type": device.type, "device": own}


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Go on from `state`, on any device; says so where the kind of device has changed.

    Checkpoints from before the kind was kept are a CPU's.
    """
    torch.set_rng_state(state["cpu"].cpu())
    kind = state.get("device_type", "cpu")
    if kind != device.type:
        log.warning(
            "this run began on %s and goes on on %s: from here on it is not bit for bit what it would have been",
            kind,
            device.type,
        )
    elif device.type == "cuda":
        torch.cuda.set_rng_state(state["device"].cpu(), device)


@contextmanager
def cpu_seeded(seed: int) -> Iterator[None]:
    """The CPU's stream starts from `seed` inside the `with` and goes on afterwards as if nothing had been.

    `torch.manual_seed` would seed every GPU as well, and forking the CPU's stream would not bring theirs back.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
