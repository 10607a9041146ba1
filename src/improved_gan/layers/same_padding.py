"""TensorFlow's SAME padding: an odd amount of it has its extra row and column at the end."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from improved_gan.kernels.matmul import conv2d
from improved_gan.layers.products import Conv2d, ConvTranspose2d


class SameConv2d(Conv2d):
    """A convolution that takes side n to ceil(n / stride), padded as TensorFlow pads it; with bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(inputs, outputs, kernel, stride)

    def forward(self, x: Float[Tensor, "batch input height width"]) -> Float[Tensor, "batch output down across"]:
        """The convolution of x, padded with zeros."""
        padding = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            padding += [total // 2, total - total // 2]
        return conv2d(functional.pad(x, padding), self.weight, self.bias, self.stride[0], 0, self.rounded_to)


class SameConvTranspose2d(ConvTranspose2d):
    """The transpose of the SAME convolution that takes side n * stride to n; with bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        assert kernel >= stride
        super().__init__(inputs, outputs, kernel, stride, padding=(kernel - stride) // 2)

    def forward(
        self, x: Float[Tensor, "batch input height width"], output_size: list[int] | None = None
    ) -> Float[Tensor, "batch output down across"]:
        """The transposed convolution of x; PyTorch crops both ends alike, an odd crop's last row goes here."""
        assert output_size is None
        height, width = (side * stride for side, stride in zip(x.shape[2:], self.stride, strict=True))
        full = super().forward(x)
        return full[:, :, :height, :width]
