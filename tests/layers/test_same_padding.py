"""TensorFlow's SAME padding, written out index by index (its documentation of `tf.nn.convolution`)."""

import pytest
import torch

from improved_gan.layers.products import set_precision
from improved_gan.layers.same_padding import SameConv2d, SameConvTranspose2d


def padding_before(side: int, kernel: int, stride: int) -> int:
    """Rows of zeros above the image: half of what is needed, rounded down."""
    total = max(kernel - stride, 0) if side % stride == 0 else max(kernel - side % stride, 0)
    return total // 2


def convolution_by_index(image: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
    """image (input, height, width), weight (output, input, kernel, kernel)."""
    outputs, inputs, kernel, _ = weight.shape
    _, height, width = image.shape
    result = torch.zeros(outputs, -(-height // stride), -(-width // stride), dtype=image.dtype)
    up, left = (padding_before(side, kernel, stride) for side in (height, width))
    for o, y, x in torch.cartesian_prod(*(torch.arange(n) for n in result.shape)).tolist():
        for i in range(inputs):
            for a in range(kernel):
                for b in range(kernel):
                    row, column = y * stride + a - up, x * stride + b - left
                    if 0 <= row < height and 0 <= column < width:
                        result[o, y, x] += image[i, row, column] * weight[o, i, a, b]
    return result


def transpose_by_index(image: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
    """image (input, height, width), weight (input, output, kernel, kernel): each pixel stamps its kernel."""
    _, outputs, kernel, _ = weight.shape
    _, height, width = image.shape
    result = torch.zeros(outputs, height * stride, width * stride, dtype=image.dtype)
    before = padding_before(height * stride, kernel, stride)
    for i, y, x in torch.cartesian_prod(*(torch.arange(n) for n in image.shape)).tolist():
        for a in range(kernel):
            for b in range(kernel):
                row, column = y * stride + a - before, x * stride + b - before
                if 0 <= row < height * stride and 0 <= column < width * stride:
                    result[:, row, column] += image[i, y, x] * weight[i, :, a, b]
    return result


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sides", [(6, 8), (5, 6), (7, 5)])
@pytest.mark.parametrize("kernel", [3, 5])
def test_convolution(stride, sides, kernel):
    torch.manual_seed(0)
    layer = SameConv2d(2, 3, kernel, stride).double()
    image = torch.randn(2, *sides, dtype=torch.float64)
    expected = convolution_by_index(image, layer.weight.detach(), stride) + layer.bias.detach()[:, None, None]
    torch.testing.assert_close(layer(image[None])[0], expected)


@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (5, 1), (3, 2)])
def test_transposed_convolution(kernel, stride):
    torch.manual_seed(0)
    layer = SameConvTranspose2d(2, 3, kernel, stride).double()
    image = torch.randn(2, 4, 3, dtype=torch.float64)
    expected = transpose_by_index(image, layer.weight.detach(), stride) + layer.bias.detach()[:, None, None]
    torch.testing.assert_close(layer(image[None])[0], expected)


def test_the_transposed_convolution_is_the_transpose():
    """<conv(x), y> = <x, transposed(y)> with the same weights and no bias."""
    torch.manual_seed(0)
    down, up = SameConv2d(3, 2, 5, 2).double(), SameConvTranspose2d(2, 3, 5, 2).double()
    x, y = torch.randn(1, 3, 8, 8, dtype=torch.float64), torch.randn(1, 2, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        up.weight.copy_(down.weight)
        for layer in (down, up):
            layer.bias.zero_()
        torch.testing.assert_close((down(x) * y).sum(), (x * up(y)).sum())


def test_convolutions_give_bf16_where_training_is_in_bf16():
    torch.manual_seed(0)
    down, up = SameConv2d(3, 2, 5, 2), SameConvTranspose2d(2, 3, 5, 2)
    x, y = torch.randn(1, 3, 8, 8), torch.randn(1, 2, 4, 4)
    exact = down(x), up(y)
    set_precision(torch.nn.ModuleList([down, up]), torch.bfloat16)
    rounded = down(x), up(y)
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == torch.bfloat16
        torch.testing.assert_close(one, other.float(), rtol=0.05, atol=0.02)
