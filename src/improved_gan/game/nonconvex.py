"""V(x, y) = (f(x) - 1)(y - 1) with f(x) = x below 0 and x^2 above: the paper's small example.

Section 3.3: gradient steps go into extended orbits around (1, 1), with historical averaging they find it.
"""

from dataclasses import dataclass

from improved_gan.game.protocol import Point


@dataclass(frozen=True)
class Nonconvex:
    formula: str = "(f(x) - 1)(y - 1), f(x) = x below 0, x^2 above"
    mathtext: str = r"$(f(x)-1)(y-1)$,  $f=x$ below 0, $x^2$ above"
    equilibrium: Point = (1.0, 1.0)

    def value(self, x: float, y: float) -> float:
        """V(x, y) = (f(x) - 1)(y - 1)."""
        return (_f(x) - 1.0) * (y - 1.0)

    def gradient(self, x: float, y: float) -> Point:
        """dV/dx = f'(x)(y - 1), where f' is 1 below 0 and 2x from 0 on; dV/dy = f(x) - 1."""
        return (1.0 if x < 0.0 else 2.0 * x) * (y - 1.0), _f(x) - 1.0

    def hessian(self) -> tuple[float, float, float]:
        """V_xx = f''(1)(1 - 1) = 0, V_xy = f'(1) = 2, V_yy = 0."""
        return 0.0, 2.0, 0.0


def _f(x: float) -> float:
    return x if x < 0.0 else x * x
