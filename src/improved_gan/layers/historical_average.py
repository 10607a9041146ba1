"""The mean of a player's past weights, and the squared distance to it (technique/historical_averaging.py)."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class HistoricalAverage:
    """The running mean of a player's trained parameters, with the parameters themselves."""

    def __init__(self, parameters: Iterable[Tensor], weight: float = 1.0) -> None:
        self.weight = weight
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.means = [torch.zeros_like(parameter, requires_grad=False) for parameter in self.parameters]
        device = self.parameters[0].device if self.parameters else None
        self.count = torch.zeros((), dtype=torch.int64, device=device)  # a GPU counts for itself

    def __call__(self) -> Float[Tensor, ""]:
        """The penalty of a step: takes the current point in, and weighs the distance to the mean."""
        self.update()
        return self.weight * self.penalty()

    @torch.no_grad()
    def update(self) -> None:
        """Add the current point to the mean; once before each `penalty`."""
        self.count += 1
        share = self.count.double().reciprocal()
        shares = {dtype: share.to(dtype) for dtype in {mean.dtype for mean in self.means}}
        torch._foreach_lerp_(self.means, self.parameters, [shares[mean.dtype] for mean in self.means])

    def penalty(self) -> Float[Tensor, ""]:
        """The squared distance between the parameters and their mean, summed over all of them; no weight in it."""
        distance: Tensor = _SquaredDistance.apply(self.means, *self.parameters)
        return distance

    def state_dict(self) -> dict[str, Any]:
        """The number of points and their mean."""
        return {"count": int(self.count), "means": [mean.clone() for mean in self.means]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the parameters must have the same shapes in the same order."""
        self.count.fill_(state["count"])
        for mean, loaded in zip(self.means, state["means"], strict=True):
            assert mean.shape == loaded.shape
            mean.copy_(loaded)


class _SquaredDistance(torch.autograd.Function):
    """Sum of (theta - mean)^2; written out because it passes over every parameter three times, not seven."""

    @staticmethod
    def forward(ctx: Any, means: list[Tensor], *parameters: Tensor) -> Tensor:
        differences = torch._foreach_sub(parameters, means)
        ctx.save_for_backward(*differences)
        return torch.stack(torch._foreach_norm(differences)).square().sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *torch._foreach_mul(ctx.saved_tensors, 2 * gradient)
