"""Least squares (Mao et al. 2016, arXiv 1611.04076, equation 9 with a = 0, b = c = 1).

    D: 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2        G: 1/2 E (D(G(z)) - c)^2

The best discriminator is p_data / (p_data + p_model), as in section 2, but D is the output itself, not its sigmoid.
Label smoothing moves b (and a), or c.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.one_logit import OneLogit
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class LeastSquares(OneLogit):
    """Squared distances to the targets: a sample far on the right side of the boundary is pulled back to it."""

    realness_is: ClassVar[Realness] = "sign"

    def realness(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, " batch"]:
        """D(x) - 1/2: positive where D is nearer to 1 than to 0."""
        return logits[:, 0] - 0.5

    def real_loss(self, logits: Float[Tensor, "batch 1"], target: float) -> Float[Tensor, ""]:
        """Half the mean squared distance to `target`: b for real images, a for generated ones."""
        return (logits - target).square().mean() / 2

    fake_loss = real_loss

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """Half the mean squared distance to c = `target`."""
        return self.real_loss(fake_logits, target)
