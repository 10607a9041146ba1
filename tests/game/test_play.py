"""Where the players go: the published distances, every update rule against its definition, historical averaging."""

import math
import time
from functools import cache

import numpy as np
import pytest
from jaxtyping import config

from improved_gan.game import build_game
from improved_gan.game.stability import analyse
from improved_gan.game.update import RULES, Trajectory, play

NONCONVEX_START = (-1.0, 0.0)


def nonconvex(steps: int, weight: float, update: str = "simultaneous") -> Trajectory:
    return play(build_game("nonconvex"), update, steps, 0.01, NONCONVEX_START, (weight, weight))


@cache
def long_run(weight: float) -> tuple[np.ndarray, float]:
    """Distances over 100,000 steps, and the seconds that they took; annotations are not checked at each of them."""
    config.update("jaxtyping_disable", True)
    started = time.process_time()
    try:
        path = nonconvex(100_000, weight)
    finally:
        config.update("jaxtyping_disable", False)
    return path.distances((1.0, 1.0)), time.process_time() - started


@pytest.mark.parametrize(
    ("weight", "published"),
    [(0.0, (3.16, 8.26, 797)), (1.0, (0.968, 0.352, 0.107)), (0.1, (0.743, 0.005, 0.0005))],
)
def test_published_distances_of_the_papers_example(weight: float, published: tuple[float, ...]) -> None:
    distances, seconds = long_run(weight)
    for step, distance in zip((1_000, 10_000, 100_000), published, strict=True):
        digits = 1 if distance in (0.005, 0.0005) else 3
        assert f"{distances[step]:.{digits}g}" == f"{distance:.{digits}g}"
    assert seconds < 2


def test_bilinear_radius() -> None:
    """Each simultaneous step multiplies the radius by sqrt(1 + h^2): 144.8 after 1000 steps of .1."""
    distances = play(build_game("bilinear"), "simultaneous", 1000, 0.1, (1.0, 0.0)).distances((0.0, 0.0))
    assert f"{distances[-1]:.1f}" == "144.8"
    np.testing.assert_allclose(distances, np.sqrt(1 + 0.1**2) ** np.arange(1001), rtol=1e-9)


def test_alternating_steps_stay_near_the_start() -> None:
    distances = play(build_game("bilinear"), "alternating", 3_000, 0.1, (1.0, 0.0)).distances((0.0, 0.0))
    assert distances.min() > 0.9 and distances.max() < 1.1


@pytest.mark.parametrize("name", ["bilinear", "nonconvex", "dirac"])
@pytest.mark.parametrize("update", list(RULES))
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_first_three_steps_follow_the_definition(name: str, update: str, weight: float) -> None:
    """The same steps with arrays, the mean taken afresh from all points so far."""
    game, rate = build_game(name), 0.05
    points = [np.array([0.7, -0.4])]
    before = None
    for _ in range(3):
        mean = np.mean(points, axis=0)

        def direction(w: np.ndarray, mean: np.ndarray = mean) -> np.ndarray:
            gradient_x, gradient_y = game.gradient(float(w[0]), float(w[1]))
            return np.array([-gradient_x, gradient_y]) - 2 * weight * (w - mean)

        w = points[-1]
        v = direction(w)
        if update == "simultaneous":
            after = w + rate * v
        elif update == "alternating":
            half = w + rate * v * [1, 0]
            after = half + rate * direction(half) * [0, 1]
        elif update == "extragradient":
            after = w + rate * direction(w + rate * v)
        else:
            after = w + 2 * rate * v - rate * (v if before is None else before)
        before = v
        points.append(after)
    path = play(game, update, 3, rate, (0.7, -0.4), (weight, weight))
    np.testing.assert_allclose(np.stack([path.x, path.y], axis=1), points, rtol=1e-12)


@pytest.mark.parametrize("update", list(RULES))
@pytest.mark.parametrize("name", ["bilinear", "dirac"])
def test_the_distance_changes_as_the_eigenvalues_say(name: str, update: str) -> None:
    """Near the equilibrium, measured over 1000 steps: the distance's mean factor a step is the spectral radius."""
    game = build_game(name)
    distances = play(game, update, 1000, 0.1, (1e-9, 0.0)).distances(game.equilibrium)
    factor = (distances[1000] / distances[200]) ** (1 / 800)
    assert factor == pytest.approx(analyse(game, update, 0.1).spectral_radius, abs=1e-4)


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_with_averaging_the_distance_falls_with_the_exponent(weight: float) -> None:
    distances, _ = long_run(weight)
    measured = math.log(distances[20_000] / distances[100_000]) / math.log(5)
    exponent = analyse(build_game("nonconvex"), "simultaneous", 0.01, (weight, weight)).exponent
    assert measured == pytest.approx(exponent, abs=0.03)


def test_each_player_has_its_own_weight() -> None:
    """With the pull on y alone, x moves in its first two steps as without any (y's pull starts at the second)."""
    free = nonconvex(2, 0.0)
    held = play(build_game("nonconvex"), "simultaneous", 2, 0.01, NONCONVEX_START, (0.0, 5.0))
    np.testing.assert_array_equal(free.x, held.x)
    assert free.y[1] == held.y[1] and free.y[2] != held.y[2]


def test_numbers_that_overflow_end_the_game() -> None:
    path = play(build_game("bilinear"), "simultaneous", 10_000, 10.0, (1.0, 1.0))
    assert path.overflowed and path.steps < 1000
    assert np.isfinite(path.x).all() and np.isfinite(path.y).all()


def test_means_are_those_of_all_points_so_far() -> None:
    path = nonconvex(50, 0.1)
    assert path.means()[0][30] == pytest.approx(path.x[:31].mean())
