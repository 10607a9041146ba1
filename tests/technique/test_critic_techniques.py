"""Gradient penalty, weight clipping and pulling-away against their formulas: loops, float64, gradients included."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from improved_gan.technique import gradient_penalty, pulling_away, weight_clipping


def mean(values: Sequence[Tensor]) -> Tensor:
    return sum(values, start=torch.zeros((), dtype=torch.float64)) / len(values)


def same(loss: Tensor, expected: Tensor, *inputs: Tensor) -> None:
    """Same value and same gradients."""
    torch.testing.assert_close(loss, expected, rtol=1e-11, atol=1e-13)
    found, wanted = (torch.autograd.grad(value, inputs, retain_graph=True) for value in (loss, expected))
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-12)


def test_clipping_bounds_every_parameter_and_touches_none_within() -> None:
    parameter = torch.nn.Parameter(torch.tensor([-2.0, -0.5, 0.1, 3.0]))
    weight_clipping.constraint(weight_clipping.Config(enabled=True, limit=0.5))([parameter])
    assert parameter.tolist() == pytest.approx([-0.5, -0.5, 0.1, 0.5])


def test_the_gradient_penalty_is_its_formula() -> None:
    """Of D(x) = w.x + x'Ax, whose gradient w + (A + A')x is written out: values, and gradients for w and A."""
    source = torch.Generator().manual_seed(3)
    real, fake, w, a = (
        torch.randn(shape, dtype=torch.float64, generator=source)
        for shape in ((5, 2, 2, 2), (5, 2, 2, 2), (8,), (8, 8))
    )
    w.requires_grad_(), a.requires_grad_()

    def critic(images: Tensor) -> Tensor:
        x = images.flatten(1)
        return x @ w + ((x @ a) * x).sum(1)

    torch.manual_seed(11)
    penalty = gradient_penalty.gradient_penalty(7.0, critic, real, fake)
    torch.manual_seed(11)
    shares = torch.rand(5, 1, 1, 1, dtype=torch.float64).flatten()
    terms = []
    for x, y, u in zip(real.flatten(1), fake.flatten(1), shares, strict=True):
        slope = w + (a + a.T) @ (u * x + (1 - u) * y)
        terms.append(((slope**2).sum().sqrt() - 1) ** 2)
    same(penalty, 7 * mean(terms), w, a)


def test_the_pulling_away_term_is_its_formula() -> None:
    codes = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    terms = [
        ((a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())) ** 2
        for i, a in enumerate(codes)
        for j, b in enumerate(codes)
        if i != j
    ]
    same(pulling_away.pulling_away_term(0.3, codes), 0.3 * mean(terms), codes)
