"""What tests of formulas share: draws in float64, a loop's mean, and a comparison that takes the gradients too."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def draws(*shape: int, seed: int = 0) -> Tensor:
    """Independent draws from N(0, 1) in float64."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def mean(values: Sequence[Tensor]) -> Tensor:
    """Their sum, one after the other, over their number."""
    return sum(values, start=torch.zeros((), dtype=torch.float64)) / len(values)


def same(loss: Tensor, expected: Tensor, *inputs: Tensor) -> None:
    """Same value and same gradients."""
    torch.testing.assert_close(loss, expected, rtol=1e-11, atol=1e-13)
    found, wanted = (torch.autograd.grad(value, inputs, retain_graph=True) for value in (loss, expected))
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-12)


def penalises_squared_gradients(penalty: Callable[..., Tensor]) -> None:
    """weight / 2 E|grad D|^2 of D(x) = w.x + x'Ax, whose gradient w + (A + A')x is written out."""
    images, w, a = draws(4, 1, 2, 3), draws(6, seed=1).requires_grad_(), draws(6, 6, seed=2).requires_grad_()

    def real_score(images: Tensor) -> Tensor:
        x = images.flatten(1)
        return x @ w + ((x @ a) * x).sum(1)

    gradients = [w + (a + a.T) @ x for x in images.flatten(1)]
    same(penalty(3.0, real_score, images), 3.0 / 2 * mean([(each**2).sum() for each in gradients]), w, a)
