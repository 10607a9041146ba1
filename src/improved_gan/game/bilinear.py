"""V(x, y) = x y: the paper's first example (section 3), where gradient steps orbit (0, 0) and never reach it."""

from dataclasses import dataclass

from improved_gan.game.protocol import Point


@dataclass(frozen=True)
class Bilinear:
    formula: str = "x y"
    mathtext: str = r"$x\,y$"
    equilibrium: Point = (0.0, 0.0)

    def value(self, x: float, y: float) -> float:
        """V(x, y) = x y."""
        return x * y

    def gradient(self, x: float, y: float) -> Point:
        """dV/dx = y, dV/dy = x."""
        return y, x

    def hessian(self) -> tuple[float, float, float]:
        """V_xx = 0, V_xy = 1, V_yy = 0."""
        return 0.0, 1.0, 0.0
