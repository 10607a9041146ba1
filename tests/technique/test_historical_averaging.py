"""Section 3.3 against its equation, and the paper's small example."""

import math
from pathlib import Path

import pytest
import torch

from improved_gan.layers.historical_average import HistoricalAverage


def test_value_and_gradient_are_those_of_the_loop() -> None:
    torch.manual_seed(0)
    parameters = [torch.randn(2, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    for parameter in parameters:
        parameter.requires_grad_()
    average = HistoricalAverage(parameters)
    points: list[list[torch.Tensor]] = []
    for _ in range(5):
        points.append([parameter.detach().clone() for parameter in parameters])
        average.update()
        penalty = average.penalty()
        expected, gradients = 0.0, []
        for k, parameter in enumerate(parameters):
            mean = sum((point[k] for point in points), start=torch.zeros(())) / len(points)
            for value, middle in zip(parameter.detach().flatten(), mean.flatten(), strict=True):
                expected += float(value - middle) ** 2
            gradients.append(2 * (parameter.detach() - mean))  # the mean is a constant
        assert float(penalty.detach()) == pytest.approx(expected, rel=1e-12, abs=1e-25)
        found = torch.autograd.grad(3 * penalty, parameters)
        for gradient, wanted in zip(found, gradients, strict=True):
            torch.testing.assert_close(gradient, 3 * wanted, rtol=1e-11, atol=1e-14)
        for parameter in parameters:
            parameter.data += torch.randn_like(parameter)


def test_the_first_point_is_its_own_mean() -> None:
    parameter = torch.nn.Parameter(torch.randn(3))
    average = HistoricalAverage([parameter])
    average.update()
    assert average.penalty() == 0
    average.penalty().backward()
    assert parameter.grad is not None and not parameter.grad.any()


def test_only_trained_parameters_count() -> None:
    trained, fixed = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2), requires_grad=False)
    assert HistoricalAverage([trained, fixed]).parameters[0] is trained
    assert len(HistoricalAverage([trained, fixed]).parameters) == 1


def test_state_goes_on_where_it_stopped(tmp_path: Path) -> None:
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(3))
    average, other = HistoricalAverage([parameter]), HistoricalAverage([parameter])
    for step in range(6):
        if step == 3:
            torch.save(average.state_dict(), tmp_path / "state.pt")
            other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        parameter.data += torch.randn(3)
        average.update()
        if step >= 3:
            other.update()
    assert torch.equal(average.penalty(), other.penalty()) and other.count == 6


# The paper's small example: f(x) = x below 0, x^2 above; x minimises and y maximises (f(x) - 1)(y - 1); equilibrium
# (1, 1), start (-1, 0), rate .01, both steps at once.


def distance_by_floats(steps: int, weight: float) -> float:
    x, y, mean_x, mean_y = -1.0, 0.0, 0.0, 0.0
    for t in range(1, steps + 1):
        mean_x += (x - mean_x) / t
        mean_y += (y - mean_y) / t
        f, slope = (x, 1.0) if x < 0 else (x * x, 2 * x)
        towards_x = slope * (y - 1) + weight * 2 * (x - mean_x)
        towards_y = -(f - 1) + weight * 2 * (y - mean_y)
        x, y = x - 0.01 * towards_x, y - 0.01 * towards_y
    return math.hypot(x - 1, y - 1)


def distance_by_the_class(steps: int, weight: float) -> float:
    point = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in (-1.0, 0.0)]
    averages = [HistoricalAverage([coordinate]) for coordinate in point]
    for _ in range(steps):
        x, y = point
        value = (torch.where(x < 0, x, x * x) - 1) * (y - 1)
        for average in averages:
            average.update()
        penalties = [weight * average.penalty() for average in averages]
        (towards_x,) = torch.autograd.grad(value + penalties[0], x, retain_graph=True)
        (towards_y,) = torch.autograd.grad(-value + penalties[1], y)
        with torch.no_grad():
            x -= 0.01 * towards_x
            y -= 0.01 * towards_y
    return math.hypot(*(coordinate.item() - 1 for coordinate in point))


@pytest.mark.parametrize(("steps", "distance"), [(1_000, 0.968), pytest.param(10_000, 0.352, marks=pytest.mark.slow)])
def test_the_papers_small_example_converges(steps: int, distance: float) -> None:
    assert distance_by_the_class(steps, 1.0) == pytest.approx(distance, abs=5e-4)


def test_class_and_plain_floats_walk_the_same_way() -> None:
    """Until x comes to the bend at 0, where the last bit of rounding decides which slope counts."""
    assert distance_by_the_class(50, 1.0) == pytest.approx(distance_by_floats(50, 1.0), rel=1e-12)


@pytest.mark.parametrize(
    ("weight", "distances"),
    [(0.0, (3.16, 8.26, 797)), (1.0, (0.968, 0.352, 0.107)), (0.1, (0.743, 0.005, 0.0005))],
    ids=["without", "weight 1", "weight 0.1"],
)
def test_the_papers_small_example_to_100_000_steps(weight: float, distances: tuple[float, ...]) -> None:
    for steps, distance in zip((1_000, 10_000, 100_000), distances, strict=True):
        digit = 10.0 ** (math.floor(math.log10(distance)) - (2 if distance > 0.01 else 0))  # the last one given
        assert distance_by_floats(steps, weight) == pytest.approx(distance, abs=0.5 * digit)
