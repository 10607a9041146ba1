"""Winograd's convolution is the convolution, and its gradients are the convolution's."""

import pytest
import torch
from torch.nn import functional

from improved_gan.kernels import matmul, winograd
from improved_gan.kernels.winograd import (
    pays_transposed,
    winograd_convolution,
    winograd_is_faster,
    winograd_transposed_convolution,
)


def case(batch, inputs, outputs, height, width, dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.randn(batch, inputs, height, width, dtype=dtype).to(memory_format=torch.channels_last)
    weight, bias = torch.randn(outputs, inputs, 3, 3, dtype=dtype), torch.randn(outputs, dtype=dtype)
    return [t.requires_grad_() for t in (x, weight, bias)]


@pytest.mark.parametrize("part", [1, winograd.PART])  # an image at a time, and all at once
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(3, 2, 5, 8, 12), (1, 3, 1, 4, 4), (2, 1, 2, 16, 4)])
def test_value_and_gradients(shape, layout, part, monkeypatch):
    monkeypatch.setattr(winograd, "PART", part)
    x, weight, bias = case(*shape)
    x = x.detach().contiguous(memory_format=layout).requires_grad_()
    y, expected = winograd_convolution(x, weight, bias), functional.conv2d(x, weight, bias, padding=1)
    torch.testing.assert_close(y, expected)
    assert y.is_contiguous(memory_format=torch.channels_last)
    functional.leaky_relu(y, 0.2, inplace=True)
    expected = functional.leaky_relu(expected, 0.2)
    slopes = torch.randn_like(expected)
    for inputs in ([x, weight, bias], [x], [weight], [bias]):
        found, right = (torch.autograd.grad(out, inputs, slopes, retain_graph=True) for out in (y, expected))
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("shape", [(3, 2, 5, 8, 12), (1, 3, 1, 4, 4), (2, 1, 2, 16, 4)])
def test_transposed_value_and_gradients(shape):
    x, weight, bias = case(*shape)
    weight = torch.randn(shape[1], shape[2], 5, 5, dtype=x.dtype, requires_grad=True)
    y = winograd_transposed_convolution(x, weight, bias)
    expected = functional.conv_transpose2d(x, weight, bias, stride=2, padding=2, output_padding=1)
    torch.testing.assert_close(y, expected)
    slopes = torch.randn_like(expected)
    found, right = (torch.autograd.grad(out, [x, weight, bias], slopes) for out in (y, expected))
    torch.testing.assert_close(found, right)
    torch.testing.assert_close(winograd_transposed_convolution(x, weight, None), expected - bias[:, None, None])


def test_second_gradient():
    x, weight, bias = case(2, 2, 2, 4, 4)
    assert torch.autograd.gradgradcheck(winograd_convolution, (x, weight, bias))
    transposed_weight = torch.randn(2, 1, 5, 5, dtype=x.dtype, requires_grad=True)
    assert torch.autograd.gradgradcheck(winograd_transposed_convolution, (x, transposed_weight, bias[:1]))


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_error_is_small_in_the_networks_own_sizes(precision):
    x, weight, bias = case(20, 192, 192, 16, 16, precision)
    y = winograd_convolution(x, weight, bias)
    expected = functional.conv2d(x, weight, bias, padding=1)
    bound = {torch.float32: 3e-5, torch.float64: 1e-13}[precision]
    assert (y - expected).abs().max() < bound * expected.abs().max()
    slopes = torch.randn_like(y)
    for found, right in zip(*(torch.autograd.grad(out, [x, weight], slopes) for out in (y, expected)), strict=True):
        assert (found - right).abs().max() < bound * right.abs().max()


@pytest.mark.parametrize(
    ("channels", "outputs", "side", "kernel", "stride", "padding", "taken"),
    [
        (96, 96, 32, 3, 1, 1, True),
        (96, 192, 16, 3, 1, 1, True),
        (3, 96, 32, 3, 1, 1, False),
        (48, 96, 16, 3, 1, 1, False),
        (96, 96, 32, 3, 2, 1, False),
        (192, 192, 8, 3, 1, 0, False),
        (192, 192, 6, 1, 1, 0, False),
        (96, 96, 18, 3, 1, 1, False),
    ],
)
def test_products_take_it_where_it_pays(channels, outputs, side, kernel, stride, padding, taken):
    x, weight = torch.rand(2, channels, side, side), torch.rand(outputs, channels, kernel, kernel)
    assert winograd_is_faster(x, weight, stride, padding) is taken
    assert not winograd_is_faster(x.double(), weight.double(), stride, padding)
    y = matmul.conv2d(x, weight.requires_grad_(), torch.rand(outputs), stride, padding, None)
    assert ("Winograd" in type(y.grad_fn).__name__) is taken


@pytest.mark.parametrize(
    ("channels", "outputs", "side", "kernel", "geometry", "taken"),
    [
        (512, 256, 4, 5, (2, 2, 1), True),
        (256, 128, 8, 5, (2, 2, 1), True),
        (128, 3, 16, 5, (2, 2, 1), False),
        (512, 256, 4, 4, (2, 1, 0), False),
        (512, 256, 4, 5, (1, 2, 0), False),
    ],
)
def test_transposed_products_take_it_where_it_pays(channels, outputs, side, kernel, geometry, taken):
    x, weight = torch.rand(2, channels, side, side), torch.rand(channels, outputs, kernel, kernel)
    assert pays_transposed(x, weight, *geometry) is taken
    found = matmul.conv_transpose2d(x, weight, None, *geometry, None)
    torch.testing.assert_close(found, functional.conv_transpose2d(x, weight, None, *geometry), rtol=1e-4, atol=1e-2)
