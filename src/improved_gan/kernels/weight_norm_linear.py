"""A weight-normalised dense layer, y = s (x v^T) + b with s = g / sqrt(epsilon + |v|²), and its gradient, written out.

A layer's weights are far more than its outputs, so that passes over v are what the normalisation costs. They
are two here: one for |v|², and one that takes the gradient's part along v away, in place. With d = dL/dy and
p = x v^T,

    dL/dv = (s d)^T x - s / (epsilon + |v|²) (sum_batch d p) v,    dL/dg = (sum_batch d p) / sqrt(epsilon + |v|²).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.kernels.matmul import rounded_product


def normalised_linear(
    x: Float[Tensor, "batch input"],
    direction: Float[Tensor, "output input"],
    gain: Float[Tensor, " output"],
    bias: Float[Tensor, " output"],
    epsilon: float,
    rounded_to: torch.dtype | None,
) -> Float[Tensor, "batch output"]:
    """x W^T + b for W = g v / sqrt(epsilon + |v|²), row by row; differentiable twice."""
    y: Tensor = _NormalisedLinear.apply(x, direction, gain, bias, epsilon, rounded_to)
    return y


def _parts(
    x: Tensor, direction: Tensor, gain: Tensor, epsilon: float, rounded_to: torch.dtype | None
) -> tuple[Tensor, Tensor, Tensor]:
    """x v^T, 1 / sqrt(epsilon + |v|²), and the gain times that."""
    inverse_length = (torch.linalg.vector_norm(direction, dim=1).square() + epsilon).rsqrt()
    return rounded_product(x, direction.T, rounded_to), inverse_length, gain * inverse_length


class _NormalisedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        direction: Tensor,
        gain: Tensor,
        bias: Tensor,
        epsilon: float,
        rounded_to: torch.dtype | None,
    ) -> Tensor:
        product, inverse_length, factor = _parts(x, direction, gain, epsilon, rounded_to)
        ctx.save_for_backward(x, direction, gain, product, inverse_length, factor)
        ctx.epsilon, ctx.rounded_to = epsilon, rounded_to
        return torch.addcmul(bias, product, factor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, direction, gain, product, inverse_length, factor = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again, as a gradient penalty wants
            product, inverse_length, factor = _parts(x, direction, gain, ctx.epsilon, ctx.rounded_to)
        for_x, for_direction, for_gain, for_bias, *_ = ctx.needs_input_grad
        scaled = gradient * factor
        to_x = to_direction = to_gain = None
        if for_x:
            to_x = rounded_product(scaled, direction, ctx.rounded_to)
        if for_direction or for_gain:
            to_gain = (gradient * product).sum(0) * inverse_length
            if for_direction:
                along = to_gain * gain * inverse_length.square()
                to_direction = rounded_product(scaled.T, x, ctx.rounded_to).addcmul_(
                    direction, along[:, None], value=-1
                )
        return to_x, to_direction, to_gain, gradient.sum(0) if for_bias else None, None, None
