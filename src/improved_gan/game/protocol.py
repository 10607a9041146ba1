"""What a game is: a value function with its gradient, and where it is in equilibrium."""

from typing import Protocol, runtime_checkable

Point = tuple[float, float]  # x, y


@runtime_checkable
class Game(Protocol):
    """V(x, y), minimised by x and maximised by y; plain floats, so that a step costs a microsecond."""

    @property
    def formula(self) -> str:
        """V as a reader writes it, one line."""

    @property
    def mathtext(self) -> str:
        """V as matplotlib typesets it."""

    @property
    def equilibrium(self) -> Point:
        """Where both gradient are zero and no player gains by moving alone."""

    def value(self, x: float, y: float) -> float:
        """V(x, y)."""

    def gradient(self, x: float, y: float) -> Point:
        """dV/dx and dV/dy; large arguments give inf or nan, never an exception."""

    def hessian(self) -> tuple[float, float, float]:
        """Second derivatives at the equilibrium: V_xx, V_xy, V_yy."""
