"""A function run by several processes that hold each other's hands through gloo, as `torchrun` would start them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing


def in_processes(count: int, function: Callable[..., Any], *arguments: Any, folder: Path) -> list[Any]:
    """What `function(*arguments)` returns in each of `count` processes, by rank; what one raises is raised here."""
    multiprocessing.spawn(_work, (count, function, arguments, folder), nprocs=count)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]


def _work(rank: int, count: int, function: Callable[..., Any], arguments: tuple[Any, ...], folder: Path) -> None:
    torch.set_num_threads(1)
    where = f"file://{folder / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=count, timeout=timedelta(seconds=60))
    try:
        torch.save(function(*arguments), folder / f"{rank}.pt")
    finally:
        dist.destroy_process_group()
