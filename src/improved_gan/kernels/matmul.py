"""The one place through which all matrix products of the networks go, so that their precision is chosen here.

Below fp32 only the factors of a product are rounded (and, going back, the output's gradient): parameters, activations,
statistics and everything between two products stay in fp32.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from improved_gan.kernels.winograd import (
    pays_transposed,
    winograd_convolution,
    winograd_is_faster,
    winograd_transposed_convolution,
)

_rounded_to: torch.dtype | None = None


def set_compute_dtype(dtype: torch.dtype | None) -> None:
    """From now on, in this process, products round their factors to `dtype`; None: no rounding."""
    global _rounded_to
    _rounded_to = dtype


def linear(
    x: Float[Tensor, "batch input"],
    weight: Float[Tensor, "output input"],
    bias: Float[Tensor, " output"] | None = None,
) -> Float[Tensor, "batch output"]:
    """x W^T + b."""
    if _rounded_to is None:
        return functional.linear(x, weight, bias)
    product: Tensor = _RoundedProduct.apply(x, weight, _rounded_to)
    return product if bias is None else product + bias


def rounded_product(left: Float[Tensor, "m k"], right: Float[Tensor, "k n"]) -> Float[Tensor, "m n"]:
    """left right, for gradients that are written out."""
    return left @ right if _rounded_to is None else (left.to(_rounded_to) @ right.to(_rounded_to)).to(left.dtype)


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


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """The convolution of (batch, channel, height, width) with (output, channel, kernel, kernel)."""
    if _rounded_to is None and winograd_is_faster(x, weight, stride, padding):
        return winograd_convolution(x, weight, bias)
    if _rounded_to is None:
        return functional.conv2d(x, weight, bias, stride, padding)
    product = functional.conv2d(x.to(_rounded_to), weight.to(_rounded_to), None, stride, padding).float()
    return product if bias is None else product + bias[:, None, None]


def conv_transpose2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int
) -> Tensor:
    """The transposed convolution of (batch, channel, height, width) with (channel, output, kernel, kernel)."""
    if _rounded_to is None and pays_transposed(x, weight, stride, padding, output_padding):
        return winograd_transposed_convolution(x, weight, bias)
    if _rounded_to is None:
        return functional.conv_transpose2d(x, weight, bias, stride, padding, output_padding)
    x, weight = x.to(_rounded_to), weight.to(_rounded_to)
    product = functional.conv_transpose2d(x, weight, None, stride, padding, output_padding).float()
    return product if bias is None else product + bias[:, None, None]


class Linear(nn.Linear):
    """A dense layer whose product goes through `linear`."""

    def forward(self, x: Float[Tensor, "batch input"]) -> Float[Tensor, "batch output"]:
        """x W^T + b."""
        return linear(x, self.weight, self.bias)


class Conv2d(nn.Conv2d):
    """A convolution whose product goes through `conv2d`; square kernel, stride and padding."""

    def forward(self, x: Tensor) -> Tensor:
        """The convolution."""
        padding = self.padding[0]
        assert isinstance(padding, int)
        return conv2d(x, self.weight, self.bias, self.stride[0], padding)


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose product goes through `conv_transpose2d`; square kernel, stride and padding."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """The transposed convolution."""
        assert output_size is None
        stride, padding, output_padding = self.stride[0], self.padding[0], self.output_padding[0]
        assert isinstance(padding, int)
        return conv_transpose2d(x, self.weight, self.bias, stride, padding, output_padding)
