"""What the eigenvalues of a game's Jacobian at the equilibrium say about the players' path, before any step is made.

Near the equilibrium the players' direction is linear, v(w) = J w, with the Jacobian J = [[-V_xx, -V_xy], [V_xy, V_yy]].
Without historical averaging a step of length h multiplies the distance by the spectral radius of the update's matrix:
above 1 the players leave, at 1 they circle, below 1 they arrive.

With weights W = 2 diag(weight of x, weight of y) the same holds for J - W as long as the mean m stands still: below 1
they settle at w = (W - J)^-1 W m. The mean follows, t dm/dt = w - m, so it shrinks as t^-exponent, the exponent being
the smallest real part among the eigenvalues of 1 - (W - J)^-1 W. For eigenvalues +-ib and weight c: b^2 / (b^2 + 4c^2).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from improved_gan.game.protocol import Game, Point

ON_THE_CIRCLE = 1e-9  # a spectral radius so near to 1 is 1: rounding of the eigenvalues


@dataclass(frozen=True)
class Stability:
    """What becomes of small distances from the equilibrium, by the linearised updates."""

    eigenvalues: tuple[complex, complex]  # of the Jacobian at the equilibrium
    pulled: tuple[complex, complex] | None  # of the Jacobian less the pull to the mean; None without averaging
    spectral_radius: float  # of the distance (with averaging: to the resting point that the mean dictates) a step
    exponent: float | None  # the mean's distance falls as step^-exponent; None without averaging or if it does not hold

    @property
    def outlook(self) -> str:
        """What a path near the equilibrium does: diverges, cycles or converges."""
        if abs(self.spectral_radius - 1) < ON_THE_CIRCLE:
            return "cycles"
        return "diverges" if self.spectral_radius > 1 else "converges"


def jacobian(game: Game) -> Float[np.ndarray, "2 2"]:
    """Of the direction (-dV/dx, dV/dy) at the equilibrium."""
    xx, xy, yy = game.hessian()
    return np.array([[-xx, -xy], [xy, yy]])


def update_matrix(update: str, direction: Float[np.ndarray, "2 2"], rate: float) -> Float[np.ndarray, "size size"]:
    """One step of `update` where the direction is linear; twice as large for optimistic steps, which remember one."""
    one, ahead = np.eye(2), rate * direction
    if update == "simultaneous":
        return one + ahead
    if update == "alternating":
        only_x, only_y = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
        return (one + only_y @ ahead) @ (one + only_x @ ahead)
    if update == "extragradient":
        return one + ahead + ahead @ ahead
    assert update == "optimistic"
    return np.block([[one + 2 * ahead, -ahead], [one, np.zeros((2, 2))]])


def analyse(game: Game, update: str, rate: float, averaging: Point = (0.0, 0.0)) -> Stability:
    """The eigenvalues of `game` and what they make of `update` with learning rate `rate` and weights `averaging`."""
    plain = jacobian(game)
    pull = 2 * np.diag(averaging)
    spectral_radius = float(np.abs(np.linalg.eigvals(update_matrix(update, plain - pull, rate))).max())
    averages = bool(pull.any())
    exponent = None
    if averages and spectral_radius < 1:
        drift = np.eye(2) - np.linalg.solve(pull - plain, pull)
        exponent = float(np.linalg.eigvals(drift).real.min())
    return Stability(_pair(plain), _pair(plain - pull) if averages else None, spectral_radius, exponent)


def _pair(matrix: Float[np.ndarray, "2 2"]) -> tuple[complex, complex]:
    first, second = (complex(value) for value in np.linalg.eigvals(matrix))
    return first, second


def explanation(stability: Stability, update: str) -> str:
    """The eigenvalues in a sentence or two: what they say and what this update makes of it."""
    eigenvalues, radius = words(stability.eigenvalues), factor(stability.spectral_radius)
    swings = all(abs(value.real) < ON_THE_CIRCLE for value in stability.eigenvalues)
    text = f"The Jacobian's eigenvalues are {eigenvalues}: "
    text += "no real part, so the players' directions only turn around the equilibrium. " if swings else ""
    if stability.pulled is not None:
        text += f"The pull to the mean makes them {words(stability.pulled)}, "
        if stability.exponent is None:
            return text + f"too little: one {update} step multiplies the distance by {radius}, and they do not settle."
        return text + (
            f"and one {update} step multiplies the distance to a resting point near the mean by {radius}: the players "
            f"settle there, the mean follows, and the distance falls as step^-{stability.exponent:.3g}."
        )
    text += f"One {update} step multiplies the distance by {radius}"
    if stability.outlook == "cycles":
        return text + ": the players circle for ever."
    return text + (": they spiral outwards." if stability.outlook == "diverges" else ": they spiral in.")


def factor(spectral_radius: float) -> str:
    """A spectral radius, short, and never rounded to a 1 that it is not."""
    excess = spectral_radius - 1
    return f"{spectral_radius:.6g}" if abs(excess) > 5e-6 or abs(excess) < ON_THE_CIRCLE else f"1{excess:+.1g}"


def words(eigenvalues: tuple[complex, complex]) -> str:
    """Both eigenvalues, short: `±2i`, `-2±2i`, or one after the other where they are no conjugates."""
    first, second = eigenvalues
    if abs(first - second.conjugate()) < ON_THE_CIRCLE and abs(first.imag) > ON_THE_CIRCLE:
        real = f"{first.real:.3g}" if abs(first.real) > ON_THE_CIRCLE else ""
        return f"{real}±{abs(first.imag):.3g}i"
    return " and ".join(
        f"{value.real:.3g}" if abs(value.imag) < ON_THE_CIRCLE else f"{value:.3g}" for value in eigenvalues
    )
