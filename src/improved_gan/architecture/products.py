"""The one place through which all dense matrix products of the networks go, so that their precision is chosen here."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def linear(
    x: Float[Tensor, "batch input"],
    weight: Float[Tensor, "output input"],
    bias: Float[Tensor, " output"] | None = None,
) -> Float[Tensor, "batch output"]:
    """x W^T + b."""
    return functional.linear(x, weight, bias)


class Linear(nn.Linear):
    """A dense layer whose product goes through `linear`."""

    def forward(self, x: Float[Tensor, "batch input"]) -> Float[Tensor, "batch output"]:
        """x W^T + b."""
        return linear(x, self.weight, self.bias)
