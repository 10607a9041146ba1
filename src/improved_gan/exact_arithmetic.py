"""Products and convolutions as IEEE fp32, whatever precision training uses: for networks that judge."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_fp32() -> Iterator[None]:
    """No TensorFloat-32 inside the `with`, in products and convolutions alike; cuDNN stays as it was otherwise.

    TensorFloat-32 is cuDNN's default and would move scores. `cudnn.flags` resets what it is not told, `enabled` too.
    """
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    kept = {"enabled": cudnn.enabled, "benchmark": cudnn.benchmark, "deterministic": cudnn.deterministic}
    allowed = products.allow_tf32
    with cudnn.flags(**kept, allow_tf32=False):
        products.allow_tf32 = False
        try:
            yield
        finally:
            products.allow_tf32 = allowed
