"""Where the arithmetic is done, and what is fast there."""

from collections.abc import Mapping
from typing import Any

import torch

from improved_gan.processes import place
from improved_gan.schema import UsageError


def choose_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N` as a device; raises `UsageError` for a GPU that is not there."""
    if name == "auto":
        return _own_gpu(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    device = torch.device(name)
    if device.index is not None and place().count > 1:
        raise UsageError(f"device={name}: each process takes a GPU of its own; use device=cuda")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"device={name}: no CUDA device is available here; use device=cpu or device=auto")
        if (device.index or 0) >= torch.cuda.device_count():
            raise UsageError(f"device={name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    return _own_gpu(device)


def _own_gpu(device: torch.device) -> torch.device:
    """Where several processes share a machine, each has the GPU of its number there."""
    where = place()
    if device.type == "cpu" or where.count == 1:
        return device
    if where.local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"--nproc-per-node: process {where.local_rank} of this machine finds {torch.cuda.device_count()} GPUs; "
            "start as many processes as there are GPUs, or use device=cpu"
        )
    return torch.device("cuda", where.local_rank)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies in bf16 faster than in fp32; told from what it is, not measured."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported() and multiplies_fast_in_bf16(torch.cpu.get_capabilities())


def multiplies_fast_in_bf16(cpu: Mapping[str, Any]) -> bool:
    """Of a CPU's capabilities: AMX, or AMD's AVX-512 BF16; Intel's is half as fast as its fp32 where AMX is missing."""
    return bool(cpu.get("amx_bf16") or (cpu.get("avx512_bf16") and cpu["cpu_name"].startswith("AMD")))
