"""The players' path over the vector field, and their distance to the equilibrium over time, as PNG."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from improved_gan.game.protocol import Game, Point
from improved_gan.game.stability import Stability, factor
from improved_gan.game.update import Trajectory

INK, SOFT, GRID, FIELD, EQUILIBRIUM = "#1f2430", "#8b93a3", "#e7e9ee", "#ccd1da", "#e0383e"
PATH = LinearSegmentedColormap.from_list("path", matplotlib.colormaps["plasma"](np.linspace(0.0, 0.86, 256)))
DRAWN_POINTS = 20_000  # of a longer path every n-th; a turn of the games' default runs has hundreds of points
WIDEST = 1000.0  # times the distance of the start: how far the window reaches at most
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class View:
    """Axes with the vector field (-dV/dx, dV/dy), the equilibrium and the start, for the path to be drawn on."""

    def __init__(self, axes: Axes, game: Game, trajectory: Trajectory) -> None:
        self.axes = axes
        stride = 1 + trajectory.steps // DRAWN_POINTS
        chosen = np.unique(np.append(np.arange(0, len(trajectory.x), stride), trajectory.steps))
        self.steps = chosen.astype(float)
        self.points = np.stack([trajectory.x, trajectory.y], axis=1)[chosen]
        self.means = np.stack(trajectory.means(), axis=1)[chosen]
        self.norm = _colours_of_time(trajectory.distances(game.equilibrium))
        centre, reach = _window(self.points, game.equilibrium)
        axes.set_xlim(centre[0] - reach, centre[0] + reach)
        axes.set_ylim(centre[1] - reach, centre[1] + reach)
        axes.set_aspect("equal")
        axes.set_xlabel("x  (minimises V)")
        axes.set_ylabel("y  (maximises V)")
        _draw_field(axes, game, centre, reach)
        axes.locator_params(nbins=7)
        goal = axes.plot(*game.equilibrium, "*", color=EQUILIBRIUM, ms=14, mec="white", zorder=6, label="equilibrium")
        start = axes.plot(*self.points[0], "o", color="white", mec=INK, mew=1.6, ms=8, zorder=6, label="start")
        self.marks = goal + start

    def draw_path(self, first: int, last: int) -> LineCollection:
        """The path from drawn point `first` to `last`, coloured by step."""
        points = self.points[first : last + 1]
        segments = np.stack([points[:-1], points[1:]], axis=1)
        lines = LineCollection(list(segments), cmap=PATH, norm=self.norm, linewidths=1.3, capstyle="round", zorder=4)
        lines.set_array(self.steps[first + 1 : last + 1])
        lines.set_in_layout(False)  # within the axes anyway, and slow to measure
        self.axes.add_collection(lines, autolim=False)
        return lines


def _window(points: Float[np.ndarray, "point 2"], equilibrium: Point) -> tuple[Point, float]:
    """Centre and half width of a square with the path, as far as it is to be shown, the equilibrium and some room."""
    widest = WIDEST * max(float(np.hypot(*(points[0] - equilibrium))), 1e-3)
    near = np.clip(points, np.subtract(equilibrium, widest), np.add(equilibrium, widest))
    held = np.vstack([near, equilibrium])
    low, high = held.min(axis=0), held.max(axis=0)
    middle = (low + high) / 2
    return (float(middle[0]), float(middle[1])), 0.58 * max(float((high - low).max()), 1e-3)


def _colours_of_time(distances: Float[np.ndarray, "point"]) -> Normalize:
    """By step; by its logarithm where the players come nearer, as then most of the way is done early."""
    steps = max(len(distances) - 1, 1)
    if distances[-1] < distances[0] / 2 and steps > 10:
        return LogNorm(steps**0.4, steps, clip=True)
    return Normalize(0, steps)


def _draw_field(axes: Axes, game: Game, centre: Point, reach: float) -> None:
    grid = np.linspace(-reach, reach, 61)
    x, y = np.meshgrid(centre[0] + grid, centre[1] + grid)
    gradient_x, gradient_y = np.vectorize(game.gradient, otypes=[float, float])(x, y)
    field = axes.streamplot(
        x, y, -gradient_x, gradient_y, color=FIELD, density=0.9, linewidth=0.8, arrowsize=0.9, zorder=1
    )
    for artist in (field.lines, *axes.patches):
        artist.set_in_layout(False)


def title(axes: Axes, game: Game, words: str) -> None:
    """The game's formula and, in the lines below, `words`."""
    axes.set_title(f"V(x, y) = {game.mathtext}\n{words}", loc="left", fontsize="medium", linespacing=1.5)


def save_trajectory(path: Path, game: Game, trajectory: Trajectory, words: str, averages: bool) -> None:
    """The path over the field; `averages` adds the mean that historical averaging pulls to."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 6.35 + 0.3 * words.count("\n")), dpi=110, layout="constrained")
        axes = figure.add_subplot()
        view = View(axes, game, trajectory)
        view.draw_path(0, len(view.points) - 1)
        axes.plot(*view.points[-1], "o", color=PATH(1.0), mec=INK, ms=8, zorder=7, label="end")
        if averages:
            axes.plot(*view.means.T, color=INK, linewidth=1.4, linestyle=":", zorder=5, label="mean of the past")
        figure.legend(loc="outside lower center", ncol=4, frameon=False, handletextpad=0.3)
        title(axes, game, words)
        bar = figure.colorbar(ScalarMappable(view.norm, PATH), ax=axes, shrink=0.7, aspect=28, pad=0.02)
        bar.set_label("step")
        bar.outline.set_visible(False)
        _save(figure, path)


def save_distance(path: Path, game: Game, trajectory: Trajectory, words: str, stability: Stability) -> None:
    """Distance to the equilibrium over the steps, and dashed the course that the eigenvalues foretell."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.9), dpi=110, layout="constrained")
        axes = figure.add_subplot()
        steps, distances = np.arange(trajectory.steps + 1), trajectory.distances(game.equilibrium)
        axes.plot(steps, distances, color=PATH(0.1), linewidth=1.4, label="measured")
        with np.errstate(over="ignore", under="ignore"):
            foretold = _foretold(steps, distances, stability)
        if foretold is not None:
            axes.plot(steps, foretold[0], color=EQUILIBRIUM, linewidth=1.3, linestyle="--", label=foretold[1])
        _scale_distances(axes, distances[distances > 0])
        if stability.pulled is not None:
            axes.set_xscale("log")
        axes.set_xlim(1 if stability.pulled is not None else 0, max(trajectory.steps, 2))
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("step")
        axes.set_ylabel("distance to the equilibrium")
        axes.legend(frameon=False)
        title(axes, game, words)
        _save(figure, path)


def _scale_distances(axes: Axes, positive: Float[np.ndarray, "point"]) -> None:
    """Logarithmic where the distance changes much, from zero where it does not."""
    low, high = (float(positive.min()), float(positive.max())) if len(positive) else (1.0, 1.0)
    if high < 3 * low:
        axes.set_ylim(0, 1.4 * high)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    few = high < 30 * low  # powers of ten
    axes.yaxis.set_minor_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if few and f"{value:e}"[0] in "235" else "")
    )
    room = (high / low) ** 0.08
    axes.set_ylim(low / room, high * room)


def _foretold(
    steps: Int[np.ndarray, "point"], distances: Float[np.ndarray, "point"], stability: Stability
) -> tuple[Float[np.ndarray, "point"], str] | None:
    """The curve that the eigenvalues foretell, with its name: from the start on, or with averaging through the end."""
    if stability.pulled is None:
        name = "no change" if stability.outlook == "cycles" else f"× {factor(stability.spectral_radius)} a step"
        return np.minimum(distances[0] * stability.spectral_radius**steps, 1e200), f"eigenvalues: {name}"
    if stability.exponent is None:
        return None
    decay = np.maximum(steps, 1.0) ** -stability.exponent
    late = len(steps) - 1 - len(steps) // 10  # the last tenth together, so that a swing at the end weighs little
    level = np.median(distances[late:] / decay[late:])
    return level * decay, f"eigenvalues: falls as step$^{{-{stability.exponent:.3g}}}$"


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, facecolor="white", pil_kwargs={"optimize": True})
