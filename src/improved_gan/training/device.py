"""How exactly the arithmetic is done: threads, precision, determinism."""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from improved_gan.config import Config
from improved_gan.devices import choose_device, has_fast_bf16

MALLOPT_TRIM_THRESHOLD, MALLOPT_MMAP_MAX = -1, -4  # from malloc.h
DEFAULT_THREADS = torch.get_num_threads()  # as many as there are cores, or what OMP_NUM_THREADS says


def resolved_precision(config: Config, device: torch.device) -> str:
    """`fp32`, `tf32` or `bf16`: as asked for, or on `auto` bf16 where learning does not suffer and time is saved."""
    if config.training.precision != "auto":
        return config.training.precision
    return "bf16" if config.auto_may_take_bf16() and has_fast_bf16(device) else "fp32"


def prepare_arithmetic(config: Config) -> torch.device:
    """Set threads, TensorFloat-32 and determinism for this process and return the device."""
    device = choose_device(config.device)
    torch.set_num_threads(config.training.threads or DEFAULT_THREADS)
    _set_tensor_float(resolved_precision(config, device))
    if device.type == "cuda":
        _set_determinism(config.training.deterministic)
    return device


def _set_tensor_float(precision: str) -> None:
    """fp32 is IEEE in products and convolutions alike; TensorFloat-32, cuDNN's default, has to be asked for."""
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
