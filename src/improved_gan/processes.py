"""Which of a run's processes this is, as torchrun says in the environment; importable without torch."""

import os
from dataclasses import dataclass

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class ProcessLost(Exception):
    """Another process of the run has ended, and so must this one; the message says what is known of the reason."""


@dataclass(frozen=True)
class Place:
    """One of `count` processes: its number among all, and among those of its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0


def place() -> Place:
    """This process's place; alone, where torchrun has not started it."""
    if any(name not in os.environ for name in TORCHRUN) or int(os.environ["WORLD_SIZE"]) == 1:
        return Place()
    return Place(*(int(os.environ[name]) for name in TORCHRUN[:3]))
