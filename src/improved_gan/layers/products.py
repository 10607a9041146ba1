"""Plain layers whose products are rounded as the layer is told, and what tells them: `set_precision`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.kernels.matmul import conv2d, conv_transpose2d, linear


def set_precision(network: nn.Module, rounded_to: torch.dtype | None) -> None:
    """From now on the products in `network` round their factors to this type; None: they are those of fp32."""
    for layer in network.modules():
        if hasattr(layer, "rounded_to"):
            layer.rounded_to = rounded_to  # type: ignore[assignment]


def full_precision(x: Tensor) -> Tensor:
    """`x` in fp32, or as it is where that is better."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class FullPrecision(nn.Module):
    """Ends the part of a network whose activations may be in bf16."""

    def forward(self, x: Tensor) -> Tensor:
        """x in fp32 or better."""
        return full_precision(x)


class Linear(nn.Linear):
    """A dense layer."""

    rounded_to: torch.dtype | None = None

    def forward(self, x: Float[Tensor, "batch input"]) -> Float[Tensor, "batch output"]:
        """x W^T + b."""
        return linear(x, self.weight, self.bias, self.rounded_to)


class Conv2d(nn.Conv2d):
    """A convolution; square kernel, stride and padding."""

    rounded_to: torch.dtype | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The convolution."""
        padding = self.padding[0]
        assert isinstance(padding, int)
        return conv2d(x, self.weight, self.bias, self.stride[0], padding, self.rounded_to)


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution; square kernel, stride and padding."""

    rounded_to: torch.dtype | None = None

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """The transposed convolution."""
        assert output_size is None
        stride, padding, output_padding = self.stride[0], self.padding[0], self.output_padding[0]
        assert isinstance(padding, int)
        return conv_transpose2d(x, self.weight, self.bias, stride, padding, output_padding, self.rounded_to)
