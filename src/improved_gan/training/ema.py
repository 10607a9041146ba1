"""Exponential averages of a player's weights: the authors test the discriminator with them, we also sample with them.

a <- a + rate (p - a), from a = 0. The authors never correct for the start at zero; a short run should: divided by
1 - (1 - rate)^t the average is one of the weights seen so far and of nothing else.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class ExponentialMovingAverage:
    """The running average of trained parameters; `applied()` puts it in their place for a while."""

    def __init__(self, parameters: Iterable[Tensor], rate: float, corrected: bool) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.rate = rate
        self.corrected = corrected
        self.average = [torch.zeros_like(p) for p in self.parameters]
        device = self.parameters[0].device if self.parameters else None
        self.updates = torch.zeros((), dtype=torch.int64, device=device)  # a GPU counts for itself

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the current weights."""
        torch._foreach_lerp_(self.average, self.parameters, self.rate)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The parameters hold the average inside the `with`, and their own values again after it."""
        updates = int(self.updates)
        if updates == 0:
            yield
            return
        share_seen = 1 - (1 - self.rate) ** updates if self.corrected else 1.0
        current = [parameter.detach().clone() for parameter in self.parameters]
        self._set([average / share_seen for average in self.average])
        try:
            yield
        finally:
            self._set(current)

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average, "updates": int(self.updates)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for average, stored in zip(self.average, state["average"], strict=True):
            average.copy_(stored)
        self.updates.fill_(state["updates"])
