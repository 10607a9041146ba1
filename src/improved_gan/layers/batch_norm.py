"""Batch normalisation by the batch's own statistics, always (the authors' generators), and what stands for none."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from improved_gan import distributed


class BatchNorm(nn.Module):
    """y = (x - mean) / sqrt(variance + epsilon) [* scale] + shift, a channel (or unit) at a time.

    Mean and (biased) variance are the given batch's, in training and in evaluation alike; so an example's output
    depends on its batch, and a batch of one dense vector is a ValueError.
    """

    scale: nn.Parameter | None

    def __init__(self, channels: int, epsilon: float = 1e-6, scale: bool = False) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_parameter("scale", nn.Parameter(torch.ones(channels)) if scale else None)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel *space"]:
        """Normalised x."""
        if distributed.shares() > 1:
            return self._by_all_processes(x)
        return functional.batch_norm(x, None, None, self.scale, self.shift, training=True, eps=self.epsilon)

    def _by_all_processes(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel *space"]:
        values, axes = x.to(torch.promote_types(x.dtype, torch.float32)), [0, *range(2, x.ndim)]
        variance, mean = distributed.var_mean(values, axes)
        factor = (variance + self.epsilon).rsqrt()
        if self.scale is not None:
            factor = factor * self.scale
        shape = (-1, *[1] * (x.ndim - 2))
        return ((values - mean.view(shape)) * factor.view(shape) + self.shift.view(shape)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.shift.numel()}, epsilon={self.epsilon}, scale={self.scale is not None}"


class ScaleShift(nn.Module):
    """y = x [* scale] + shift, a channel (or unit) at a time: in the place of a normalisation, none."""

    scale: nn.Parameter | None

    def __init__(self, channels: int, epsilon: float = 1e-6, scale: bool = False) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_parameter("scale", nn.Parameter(torch.ones(channels)) if scale else None)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel *space"]:
        """x, scaled and shifted."""
        shape = (-1, *[1] * (x.ndim - 2))
        scaled = x if self.scale is None else x * self.scale.view(shape)
        return scaled + self.shift.view(shape)

    def extra_repr(self) -> str:
        return f"{self.shift.numel()}, scale={self.scale is not None}"
