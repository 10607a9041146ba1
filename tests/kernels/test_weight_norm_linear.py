import itertools

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from improved_gan.kernels.weight_norm_linear import normalised_linear

EPSILON = 0.3
NAMES = ("x", "direction", "gain", "bias")


@pytest.fixture
def values():
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64) for shape in ((4, 5), (3, 5), (3,), (3,))]


def by_autograd(x, direction, gain, bias):
    """x W^T + b, W = g v / sqrt(epsilon + |v|²), left to autograd."""
    return x @ (direction * (gain / (EPSILON + (direction**2).sum(1)).sqrt())[:, None]).T + bias


@pytest.mark.parametrize("needed", [n for count in range(1, 5) for n in itertools.combinations(range(4), count)])
def test_gradients_of_whatever_is_needed(values, needed):
    for index in needed:
        values[index].requires_grad_()
    weights = torch.randn(4, 3, dtype=torch.float64)
    asked = [values[index] for index in needed]
    ours = torch.autograd.grad((normalised_linear(*values, EPSILON, None) * weights).sum(), asked)
    expected = torch.autograd.grad((by_autograd(*values) * weights).sum(), asked)
    for found, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_gradient_and_its_gradient(values, check):
    assert check(lambda *v: normalised_linear(*v, EPSILON, None), [v.requires_grad_() for v in values])


def test_nothing_that_is_given_is_changed(values):
    before = [v.clone() for v in values]
    normalised_linear(*(v.requires_grad_() for v in values), EPSILON, None).sum().backward()
    assert all(torch.equal(v, b) for v, b in zip(values, before, strict=True))


def test_rounding_is_of_the_products_factors_alone(values):
    """In bf16 gradients are those of the exact formula to the precision of three factors' rounding."""
    x, direction, gain, bias = (v.float().requires_grad_() for v in values)
    weights = torch.randn(4, 3)
    expected = torch.autograd.grad((by_autograd(x, direction, gain, bias) * weights).sum(), (x, direction, gain))
    y = normalised_linear(x, direction, gain, bias, EPSILON, torch.bfloat16)
    found = torch.autograd.grad((y * weights).sum(), (x, direction, gain))
    product = (x.bfloat16() @ direction.T.bfloat16()).float()
    factor = gain / (EPSILON + direction.square().sum(1)).sqrt()
    torch.testing.assert_close(y, product * factor + bias)
    for ours, wanted in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, wanted, rtol=0, atol=0.03 * wanted.abs().max().item())
