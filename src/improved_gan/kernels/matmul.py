"""The products of the networks, each told by `rounded_to` how precise to be; None is fp32.

Below fp32 a dense product has its factors rounded (and, going back, the output's gradient) and gives fp32: its weights
are far more than what goes through it. A convolution also gives the lower type, channels last, and so does what follows
it, for activations are what it moves most of; sums within it are fp32's. Parameters and statistics stay in fp32.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from improved_gan.kernels.winograd import (
    pays_transposed,
    winograd_convolution,
    winograd_is_faster,
    winograd_transposed_convolution,
)


def linear(
    x: Float[Tensor, "batch input"],
    weight: Float[Tensor, "output input"],
    bias: Float[Tensor, " output"] | None,
    rounded_to: torch.dtype | None,
) -> Float[Tensor, "batch output"]:
    """x W^T + b."""
    if rounded_to is None:
        return functional.linear(x, weight, bias)
    product: Tensor = _RoundedProduct.apply(x, weight, rounded_to)
    return product if bias is None else product + bias


def rounded_product(
    left: Float[Tensor, "m k"], right: Float[Tensor, "k n"], rounded_to: torch.dtype | None
) -> Float[Tensor, "m n"]:
    """left right, for gradients that are written out."""
    return left @ right if rounded_to is None else (left.to(rounded_to) @ right.to(rounded_to)).to(left.dtype)


class _RoundedProduct(torch.autograd.Function):
    """x W^T and its gradients, each factor rounded once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
        x, weight = x.to(dtype), weight.to(dtype)
        ctx.save_for_backward(x, weight)
        return (x @ weight.T).float()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradient.to(x.dtype)
        for_x, for_weight, _ = ctx.needs_input_grad
        return (
            (gradient @ weight).float() if for_x else None,
            (gradient.T @ x).float() if for_weight else None,
            None,
        )


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, rounded_to: torch.dtype | None
) -> Tensor:
    """The convolution of (batch, channel, height, width) with (output, channel, kernel, kernel)."""
    if rounded_to is None and winograd_is_faster(x, weight, stride, padding):
        return winograd_convolution(x, weight, bias)
    if rounded_to is None:
        return functional.conv2d(x, weight, bias, stride, padding)
    return functional.conv2d(*_lowered(x, weight, bias, rounded_to), stride, padding)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    rounded_to: torch.dtype | None,
) -> Tensor:
    """The transposed convolution of (batch, channel, height, width) with (channel, output, kernel, kernel)."""
    if rounded_to is None and pays_transposed(x, weight, stride, padding, output_padding):
        return winograd_transposed_convolution(x, weight, bias)
    if rounded_to is None:
        return functional.conv_transpose2d(x, weight, bias, stride, padding, output_padding)
    return functional.conv_transpose2d(*_lowered(x, weight, bias, rounded_to), stride, padding, output_padding)


def _lowered(
    x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    x = x.to(dtype, memory_format=torch.channels_last)
    return x, weight.to(dtype, memory_format=torch.channels_last), None if bias is None else bias.to(dtype)
