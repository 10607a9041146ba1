"""The gradient penalty against its formula: loops, float64, gradients included."""

import torch
from formulas import mean, same
from torch import Tensor

from improved_gan.technique import gradient_penalty


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
