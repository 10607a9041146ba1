"""Adam as the release has it: bias-corrected, with epsilon inside the square root.

m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,
p <- p - lr * mhat / sqrt(vhat + epsilon),  mhat = m / (1 - beta1^t),  vhat = v / (1 - beta2^t)

PyTorch's own adds epsilon outside the root. Inside, 1e-8 acts like a floor of 1e-4 on the root, which damps the
parameters that hardly ever see a gradient.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Adam(torch.optim.Optimizer):
    """Adam with epsilon inside the root (`torch.optim.Adam` with epsilon outside it)."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            gradients = [p.grad for p in parameters]
            means, squares = self._moments(parameters)
            group["step"] = group.get("step", 0) + 1
            beta1, beta2 = group["betas"]
            torch._foreach_lerp_(means, gradients, 1 - beta1)
            torch._foreach_mul_(squares, beta2)
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
            roots = torch._foreach_div(squares, 1 - beta2 ** group["step"])
            torch._foreach_add_(roots, group["eps"])
            torch._foreach_sqrt_(roots)
            torch._foreach_addcdiv_(parameters, means, roots, -group["lr"] / (1 - beta1 ** group["step"]))

    def _moments(self, parameters: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {"mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        return [self.state[p]["mean"] for p in parameters], [self.state[p]["square"] for p in parameters]
