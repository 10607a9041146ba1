"""What disturbs a discriminator's activations while it trains; in evaluation mode all of it is the identity.

Random numbers are a large part of a step on a CPU, where torch draws them on one thread and slowly into memory that is
not contiguous: so both layers draw into memory that is, in the layout of their input.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class GaussianNoise(nn.Module):
    """Adds independent N(0, deviation²) to every element."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Float[Tensor, "batch *features"]) -> Float[Tensor, "batch *features"]:
        """x + deviation * noise; a fresh draw each time."""
        if not self.training:
            return x
        noise = torch.empty_like(x)
        in_memory_order = noise if noise.is_contiguous() else noise.movedim(1, -1)  # the latter: channels last
        in_memory_order.normal_(std=self.deviation)
        return noise.add_(x)

    def extra_repr(self) -> str:
        return f"deviation={self.deviation}"


class NoisyInput(nn.Module):
    """A network that sees its images through noise while it trains: instance noise (arXiv 1610.04490)."""

    def __init__(self, network: nn.Module, noise: GaussianNoise) -> None:
        super().__init__()
        self.network, self.noise = network, noise

    def forward(self, images: Tensor, *others: Any) -> Tensor:
        """What the network makes of images + noise; it takes anything else as it is."""
        made: Tensor = self.network(self.noise(images), *others)
        return made


class Dropout(nn.Module):
    """Sets each element to zero with probability `rate` and divides the others by 1 - rate.

    On a CPU the probability is met to 1/65536: four decisions come from one 64-bit draw, which takes a tenth of the
    time of `torch.bernoulli`.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        assert 0 <= rate < 1
        self.rate = rate

    def forward(self, x: Float[Tensor, "batch *features"]) -> Float[Tensor, "batch *features"]:
        """x with a fresh choice of elements dropped."""
        if not self.training:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.rate)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()] >= round(self.rate * 65536) - 32768
        in_memory_order = kept.view(x.shape) if x.is_contiguous() else kept.view(x.movedim(1, -1).shape).movedim(-1, 1)
        return x * in_memory_order.to(x.dtype).mul_(1 / (1 - self.rate))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def input_regulariser(kind: str | None, strength: float) -> nn.Module:
    """What an image goes through first: `dropout` of that rate, `noise` of that deviation, or nothing."""
    match kind:
        case None:
            return nn.Identity()
        case "dropout":
            return Dropout(strength)
        case _:
            assert kind == "noise", kind
            return GaussianNoise(strength)
