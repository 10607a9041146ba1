"""Where and how exactly the arithmetic is done: device, threads, determinism."""

import ctypes
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from improved_gan.architecture.mixed_precision import set_compute_dtype
from improved_gan.config import Config, UsageError
from improved_gan.processes import place

MALLOPT_TRIM_THRESHOLD, MALLOPT_MMAP_MAX = -1, -4  # from malloc.h
DEFAULT_THREADS = torch.get_num_threads()  # as many as there are cores, or what OMP_NUM_THREADS says


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


def resolved_precision(config: Config, device: torch.device) -> str:
    """`fp32`, `tf32` or `bf16`: as asked for, or on `auto` bf16 where learning does not suffer and time is saved."""
    if config.training.precision != "auto":
        return config.training.precision
    return "bf16" if config.auto_may_take_bf16() and has_fast_bf16(device) else "fp32"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies in bf16 faster than in fp32; told from what it is, not measured."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported() and multiplies_fast_in_bf16(torch.cpu.get_capabilities())


def multiplies_fast_in_bf16(cpu: Mapping[str, Any]) -> bool:
    """Of a CPU's capabilities: AMX, or AMD's AVX-512 BF16; Intel's is half as fast as its fp32 where AMX is missing."""
    return bool(cpu.get("amx_bf16") or (cpu.get("avx512_bf16") and cpu["cpu_name"].startswith("AMD")))


def prepare_arithmetic(config: Config) -> torch.device:
    """Set threads, precision and determinism for this process and return the device."""
    device = choose_device(config.device)
    torch.set_num_threads(config.training.threads or DEFAULT_THREADS)
    _set_precision(resolved_precision(config, device))
    if device.type == "cuda":
        _set_determinism(config.training.deterministic)
    return device


def _set_precision(precision: str) -> None:
    """fp32 is IEEE in products and convolutions alike; TensorFloat-32, cuDNN's default, has to be asked for."""
    set_compute_dtype(torch.bfloat16 if precision == "bf16" else None)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def _set_determinism(deterministic: bool) -> None:
    """On a GPU: same config, same seed, same weights; or whatever is fastest."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic without it
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # Every buffer is written before it is read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def fast_training() -> Iterator[None]:
    """Settings of the process that training is faster with; to be entered before torch starts its threads.

    Denormals are flushed to zero inside the `with`: what decays towards zero would otherwise become very slow on the
    way. A thread inherits that from the one that starts it. From now on glibc also keeps the memory that a step frees
    for the next, which finds it mapped; else large blocks are given back, and mapped and cleared anew a page at a time.
    """
    torch.set_flush_denormal(True)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(MALLOPT_MMAP_MAX, 0)
        libc.mallopt(MALLOPT_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
