"""What disturbs a discriminator's activations while it trains; in evaluation mode all of it is the identity.

Random numbers are a large part of a step on a CPU, where torch draws them on one thread and slowly into memory that is
not contiguous: so all layers draw into memory that is, in the layout of their input.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from improved_gan import distributed
from improved_gan.kernels.normals import normals

MANY = 1000  # noisy activations an example; the pair for digits has 576 and gains little, MNIST's has 2784


class GaussianNoise(nn.Module):
    """Adds independent N(0, std²) to every element; a std that changes is a scalar on the device."""

    def __init__(self, std: float | Tensor) -> None:
        super().__init__()
        self.std = std

    def forward(
        self, x: Float[Tensor, "batch *features"], drawn: Float[Tensor, " elements"] | None = None
    ) -> Float[Tensor, "batch *features"]:
        """x + std * noise: what was `drawn` from N(0, 1) for it, or a fresh draw each time."""
        if not self.training:
            return x
        if drawn is not None:
            assert not isinstance(self.std, Tensor)
            return torch.add(x, drawn.view_as(x), alpha=self.std)
        noise = torch.empty_like(x)
        in_memory_order = noise if noise.is_contiguous() else noise.movedim(1, -1)  # the latter: channels last
        whole = distributed.whole_like(in_memory_order)
        if isinstance(self.std, Tensor):
            whole.normal_().mul_(self.std)
        else:
            whole.normal_(std=self.std)
        if distributed.shares() > 1:
            in_memory_order.copy_(distributed.own_of_joined(whole))
        return noise.add_(x)

    def extra_repr(self) -> str:
        return f"std={self.std}"


class NoisyInput(nn.Module):
    """A network that sees its images through noise while it trains: instance noise (arXiv 1610.04490)."""

    def __init__(self, network: nn.Module, noise: GaussianNoise) -> None:
        super().__init__()
        self.network, self.noise = network, noise

    def forward(self, images: Tensor, *others: Any) -> Tensor:
        """What the network makes of images + noise; it takes anything else as it is."""
        made: Tensor = self.network(self.noise(images), *others)
        return made


class NoisySequential(nn.Sequential):
    """Dense layers and `GaussianNoise` between them; from `MANY` noisy activations on, all noise is one draw.

    The first noise is on `noisy[0]` activations an example, the second on `noisy[1]`, and so on.
    """

    def __init__(self, *layers: nn.Module, noisy: Sequence[int]) -> None:
        super().__init__(*layers)
        self.noisy = list(noisy)
        assert len(self.noisy) == sum(isinstance(layer, GaussianNoise) for layer in layers)

    def forward(self, x: Float[Tensor, "batch *features"]) -> Float[Tensor, "batch output"]:
        """The last layer's output; fresh noise each time."""
        if not self.training or sum(self.noisy) < MANY:
            return super().forward(x)
        rows = distributed.shares() * len(x)
        drawn = iter(normals(rows * sum(self.noisy), x.device).split([rows * count for count in self.noisy]))
        for layer in self:
            if isinstance(layer, GaussianNoise):
                x = layer(x, distributed.own_of_joined(next(drawn).view(rows, -1)).flatten())
            else:
                x = layer(x)
        return x


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
            if distributed.shares() == 1:
                return functional.dropout(x, self.rate)
            whole = distributed.whole_like(x).fill_(1)
            return x * distributed.own_of_joined(functional.dropout(whole, self.rate))
        count = distributed.shares() * x.numel()
        words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[:count] >= round(self.rate * 65536) - 32768
        shape = x.shape if x.is_contiguous() else x.movedim(1, -1).shape
        own = distributed.own_of_joined(kept.view(-1, *shape[1:]))
        in_memory_order = own if x.is_contiguous() else own.movedim(-1, 1)
        return x * in_memory_order.to(x.dtype).mul_(1 / (1 - self.rate))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def input_regulariser(kind: str | None, strength: float) -> nn.Module:
    """What an image goes through first: `dropout` of that rate, `noise` of that standard deviation, or nothing."""
    match kind:
        case None:
            return nn.Identity()
        case "dropout":
            return Dropout(strength)
        case _:
            assert kind == "noise", kind
            return GaussianNoise(strength)
