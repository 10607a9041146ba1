"""How the two players move: four rules, each with or without the pull of historical averaging.

Both follow the direction v = (-dV/dx, dV/dy), h being the learning rate:
  simultaneous   w <- w + h v(w)
  alternating    x moves first, y answers the x that it then sees
  optimistic     w <- w + 2 h v(w) - h v(w before)             (Daskalakis et al. 2018)
  extragradient  w <- w + h v(w + h v(w))                      (Korpelevich 1976)
Historical averaging (section 3.3 of the paper) adds weight ||w - mean of all w so far||^2 to each player's loss; the
mean includes the current point and is a constant for the gradient. All is plain floats: a step with tensors costs a
hundred times as much.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from improved_gan.game.protocol import Game, Point

Direction = Callable[[float, float], Point]
Rule = Callable[[Direction, float, float, float], Point]

FARTHEST = 1e150  # beyond it a square is no number any more


@dataclass(frozen=True)
class Trajectory:
    """Where the players were: entry t is the point after t steps, entry 0 the start."""

    x: Float[np.ndarray, "point"]
    y: Float[np.ndarray, "point"]
    overflowed: bool  # the next point was too far for the range of numbers: the players stopped early

    @property
    def steps(self) -> int:
        """Steps that were made."""
        return len(self.x) - 1

    def distances(self, point: Point) -> Float[np.ndarray, "point"]:
        """How far from `point` the players were at each time."""
        return np.hypot(self.x - point[0], self.y - point[1])

    def means(self) -> tuple[Float[np.ndarray, "point"], Float[np.ndarray, "point"]]:
        """The mean of all points so far at each time: what historical averaging pulls to."""
        counts = np.arange(1, len(self.x) + 1)
        return np.cumsum(self.x) / counts, np.cumsum(self.y) / counts


class _Players:
    """The direction in which both players want to move, and their memory."""

    def __init__(self, game: Game, averaging: Point) -> None:
        self.gradient = game.gradient
        self.pull_x, self.pull_y = 2.0 * averaging[0], 2.0 * averaging[1]
        self.mean_x = self.mean_y = 0.0
        self.remembered = 0

    def remember(self, x: float, y: float) -> None:
        """Take the current point into the mean."""
        self.remembered += 1
        self.mean_x += (x - self.mean_x) / self.remembered
        self.mean_y += (y - self.mean_y) / self.remembered

    def direction(self, x: float, y: float) -> Point:
        """-dV/dx and dV/dy, each with its player's pull to the mean."""
        gradient_x, gradient_y = self.gradient(x, y)
        return -gradient_x - self.pull_x * (x - self.mean_x), gradient_y - self.pull_y * (y - self.mean_y)


def simultaneous(direction: Direction, x: float, y: float, rate: float) -> Point:
    """Both players step from the same point."""
    move_x, move_y = direction(x, y)
    return x + rate * move_x, y + rate * move_y


def alternating(direction: Direction, x: float, y: float, rate: float) -> Point:
    """x steps, then y steps from where x now is."""
    x += rate * direction(x, y)[0]
    return x, y + rate * direction(x, y)[1]


def extragradient(direction: Direction, x: float, y: float, rate: float) -> Point:
    """Both look one step ahead, and step by what they find there."""
    move_x, move_y = direction(x, y)
    move_x, move_y = direction(x + rate * move_x, y + rate * move_y)
    return x + rate * move_x, y + rate * move_y


class Optimistic:
    """Both expect the direction to change as it just did; the first step, with nothing before it, is a plain one."""

    def __init__(self) -> None:
        self.before: Point | None = None

    def __call__(self, direction: Direction, x: float, y: float, rate: float) -> Point:
        move_x, move_y = direction(x, y)
        before_x, before_y = self.before or (move_x, move_y)
        self.before = move_x, move_y
        return x + rate * (2.0 * move_x - before_x), y + rate * (2.0 * move_y - before_y)


RULES: dict[str, Callable[[], Rule]] = {
    "simultaneous": lambda: simultaneous,
    "alternating": lambda: alternating,
    "optimistic": Optimistic,
    "extragradient": lambda: extragradient,
}


def play(game: Game, update: str, steps: int, rate: float, start: Point, averaging: Point = (0.0, 0.0)) -> Trajectory:
    """`steps` steps of `game` from `start`; `averaging` holds the two weights of historical averaging, 0 for none."""
    players, rule = _Players(game, averaging), RULES[update]()
    direction, remember = players.direction, players.remember
    x, y = start
    xs, ys = array("d", [x]), array("d", [y])
    for _ in range(steps):
        remember(x, y)
        x, y = rule(direction, x, y, rate)
        if not (abs(x) < FARTHEST and abs(y) < FARTHEST):  # nan is not either
            break
        xs.append(x)
        ys.append(y)
    return Trajectory(np.array(xs), np.array(ys), overflowed=len(xs) <= steps)
