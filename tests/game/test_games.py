"""The games themselves: gradient against finite differences, equilibria, and the Jacobian's eigenvalues."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improved_gan.game import build_game
from improved_gan.game.stability import analyse, explanation, jacobian, words

GAMES = ("bilinear", "nonconvex", "dirac")
coordinates = st.floats(-4, 4).filter(lambda value: abs(value) > 1e-3)  # the non-convex game has a kink at x = 0


@pytest.mark.parametrize("name", GAMES)
@given(x=coordinates, y=coordinates)
def test_slopes_are_those_of_the_value(name: str, x: float, y: float) -> None:
    game, step = build_game(name), 1e-5
    gradient_x, gradient_y = game.gradient(x, y)
    assert gradient_x == pytest.approx((game.value(x + step, y) - game.value(x - step, y)) / (2 * step), abs=1e-7)
    assert gradient_y == pytest.approx((game.value(x, y + step) - game.value(x, y - step)) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("name", GAMES)
def test_jacobian_is_the_slope_of_the_players_direction_at_the_equilibrium(name: str) -> None:
    game, step = build_game(name), 1e-5
    x, y = game.equilibrium
    assert game.gradient(x, y) == (0.0, 0.0)

    def direction(x: float, y: float) -> np.ndarray:
        gradient_x, gradient_y = game.gradient(x, y)
        return np.array([-gradient_x, gradient_y])

    by_x = (direction(x + step, y) - direction(x - step, y)) / (2 * step)
    by_y = (direction(x, y + step) - direction(x, y - step)) / (2 * step)
    np.testing.assert_allclose(jacobian(game), np.stack([by_x, by_y], axis=1), atol=1e-8)


def test_values_by_hand() -> None:
    assert build_game("bilinear").value(2.0, -3.0) == -6.0
    assert build_game("nonconvex").value(-2.0, 3.0) == -6.0  # (-2 - 1)(3 - 1)
    assert build_game("nonconvex").value(2.0, 3.0) == 6.0  # (4 - 1)(3 - 1)
    assert build_game("dirac").value(0.0, 7.0) == pytest.approx(-2 * math.log(2))
    real, fake = 0.5, 1 / (1 + math.exp(-2.0 * 0.5))  # D of the data at 0 and of the generator's point 0.5, y = 2
    assert build_game("dirac").value(0.5, 2.0) == pytest.approx(math.log(real) + math.log(1 - fake))


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("point", [(1e200, 1e200), (-1e200, 1e200), (1e-320, -1e300), (0.0, 1e308)])
def test_far_out_slopes_are_numbers_or_not_but_never_an_error(name: str, point: tuple[float, float]) -> None:
    assert all(isinstance(gradient, float) for gradient in build_game(name).gradient(*point))


def test_eigenvalues_are_the_published_ones() -> None:
    """+-i for x y, +-2i for the paper's example, and +-f'(0)i = +-i/2 for the Dirac GAN (Mescheder et al.)."""
    for name, imaginary in (("bilinear", 1.0), ("nonconvex", 2.0), ("dirac", 0.5)):
        eigenvalues = analyse(build_game(name), "simultaneous", 0.1).eigenvalues
        assert sorted(value.imag for value in eigenvalues) == pytest.approx([-imaginary, imaginary])
        assert [value.real for value in eigenvalues] == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(
    ("update", "spectral_radius", "outlook"),
    [
        ("simultaneous", math.sqrt(1 + 0.1**2), "diverges"),
        ("alternating", 1.0, "cycles"),
        ("extragradient", math.sqrt((1 - 0.1**2) ** 2 + 0.1**2), "converges"),
        ("optimistic", max(abs(np.roots([1, -(1 + 0.2j), 0.1j]))), "converges"),
    ],
)
def test_multiplier_of_each_update_in_the_bilinear_game(update: str, spectral_radius: float, outlook: str) -> None:
    stability = analyse(build_game("bilinear"), update, 0.1)
    assert stability.spectral_radius == pytest.approx(spectral_radius, abs=1e-12)
    assert stability.outlook == outlook
    assert stability.exponent is None


@pytest.mark.parametrize("weight", [0.05, 0.1, 1.0, 3.0])
def test_historical_averaging_falls_as_a_power(weight: float) -> None:
    """The exponent is b^2 / (b^2 + 4 c^2) for eigenvalues +-ib and weight c."""
    stability = analyse(build_game("nonconvex"), "simultaneous", 0.01, (weight, weight))
    assert stability.exponent == pytest.approx(4 / (4 + 4 * weight**2))
    assert stability.pulled is not None
    assert [value.real for value in stability.pulled] == pytest.approx([-2 * weight] * 2)


def test_too_small_a_weight_does_not_hold_the_players() -> None:
    """The pull must outweigh the step's overshoot: (1 - 2 c h)^2 + b^2 h^2 < 1, c above about h b^2 / 4 = .01 here."""
    game = build_game("nonconvex")
    assert analyse(game, "simultaneous", 0.01, (0.0105, 0.0105)).exponent is not None
    too_small = analyse(game, "simultaneous", 0.01, (0.0095, 0.0095))
    assert too_small.exponent is None
    assert "too little" in explanation(too_small, "simultaneous")


def test_eigenvalues_in_words() -> None:
    assert words((2j, -2j)) == "±2i"
    assert words((-0.2 + 2j, -0.2 - 2j)) == "-0.2±2i"
    assert words((-3 + 0j, -1 + 0j)) == "-3 and -1"
