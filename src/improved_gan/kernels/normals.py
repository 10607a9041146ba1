"""Draws from N(0, 1), made for speed on a CPU; elsewhere they are torch's."""

from math import sqrt

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

LARGEST_BELOW_ONE = 1 - 2**-24  # in fp32


def normals(count: int, device: torch.device) -> Float[Tensor, " {count}"]:
    """Independent draws from N(0, 1), decided by torch's seed: on a CPU sqrt(2) erfinv(u) of u uniform in (-1, 1).

    There NumPy's SFC64, seeded from torch's generator, makes u's bits in a third of its time, and torch's threads share
    the rest. u comes no closer to 1 than fp32 can, so that no draw is beyond 5.42, where one in 17 million would be.
    """
    if device.type != "cpu":
        return torch.randn(count, device=device)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    words = np.random.SFC64(seed).random_raw((count + 1) // 2)
    uniform = torch.from_numpy(words.view(np.int32))[:count].float().mul_(LARGEST_BELOW_ONE / 2**31)
    return uniform.erfinv_().mul_(sqrt(2))
