"""Where and how exactly the arithmetic is done: device, threads, determinism."""

import os

import torch

from improved_gan.config import Config, RequestError


def choose_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N` as a device; raises `RequestError` for a GPU that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise RequestError(f"device={name}: no CUDA device is available here; use device=cpu or device=auto")
        if (device.index or 0) >= torch.cuda.device_count():
            raise RequestError(f"device={name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    return device


def prepare_arithmetic(config: Config) -> torch.device:
    """Set threads and determinism for this process and return the device: same config, same seed, same weights."""
    device = choose_device(config.device)
    torch.set_num_threads(config.training.threads or os.cpu_count() or 1)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic without it
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
    return device
