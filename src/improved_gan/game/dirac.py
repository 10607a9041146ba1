"""The Dirac GAN (Mescheder, Geiger, Nowozin 2018): the smallest GAN that there is, and it does not converge.

The data is the point 0, the generator makes the point x, the discriminator is the line l(s) = y s, and the value is the
minimax objective E log D(real) + E log(1 - D(fake)) with D = sigmoid(l): V(x, y) = -log 2 - softplus(x y).
"""

import math
from dataclasses import dataclass

from improved_gan.game.protocol import Point


@dataclass(frozen=True)
class Dirac:
    formula: str = "-log 2 - log(1 + exp(x y))"
    mathtext: str = r"$-\log 2-\log(1+e^{xy})$"
    equilibrium: Point = (0.0, 0.0)

    def value(self, x: float, y: float) -> float:
        """V(x, y) = -log 2 - softplus(x y)."""
        logit = x * y
        return -math.log(2.0) - max(logit, 0.0) - math.log1p(math.exp(-abs(logit)))

    def gradient(self, x: float, y: float) -> Point:
        """dV/dx = -y sigmoid(x y), dV/dy = -x sigmoid(x y)."""
        share = math.exp(-abs(x * y))
        sigmoid = (1.0 if x * y >= 0.0 else share) / (1.0 + share)  # of x y, without overflow at either end
        return -y * sigmoid, -x * sigmoid

    def hessian(self) -> tuple[float, float, float]:
        """V_xx = 0, V_xy = -sigmoid(0) = -1/2, V_yy = 0."""
        return 0.0, -0.5, 0.0
