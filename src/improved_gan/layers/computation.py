"""A computation as a Module."""

from collections.abc import Callable

from torch import Tensor, nn


class Computation(nn.Module):
    """A computation that uses `network`, so that `functional_call` can put other parameters in its place."""

    def __init__(self, network: nn.Module, compute: Callable[[], Tensor]) -> None:
        super().__init__()
        self.network, self.compute = network, compute

    def forward(self) -> Tensor:
        return self.compute()
