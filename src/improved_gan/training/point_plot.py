"""Pictures of points: in the plane as dots over the real ones, on a line as densities. The axes are always the same."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float, Float32
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor

from improved_gan.files import atomic_write

REALS = 3000  # dots
BINS = 120  # of a density
INK, REAL, SAMPLES = "#52606d", "#c3c9d3", "#0072b2"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.edgecolor": "#9aa5b1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


class PointPicture:
    """Axes with the real points, drawn once; each picture then costs only its samples (some 10 ms)."""

    def __init__(self, real: Float32[np.ndarray, "n coordinate 1 1"]) -> None:
        points = np.asarray(real).reshape(len(real), -1)
        low, high = points.min(axis=0), points.max(axis=0)
        room = 0.25 * (high - low).max()
        self._window = np.stack([low - room, high + room], axis=1)  # of each coordinate
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(4.2, 4.2) if points.shape[1] == 2 else (5.2, 3.4), dpi=100)
            self._canvas = FigureCanvasAgg(figure)
            self._axes = figure.add_axes((0.11, 0.11, 0.85, 0.8))
            self._axes.set_xlim(*self._window[0])
            self._samples = self._dots(points) if points.shape[1] == 2 else self._density(points)
            self._axes.legend(
                loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0, handletextpad=0.4, markerscale=2
            )
            self._samples.set_animated(True)
            self._outside = self._axes.text(0, 1.01, "", transform=self._axes.transAxes, color=INK, animated=True)
            self._canvas.draw()
            self._background = self._canvas.copy_from_bbox(figure.bbox)

    def _dots(self, points: Float32[np.ndarray, "n 2"]) -> Line2D:
        self._axes.set_ylim(*self._window[1])
        self._axes.set_aspect("equal")
        self._axes.plot(*points[:REALS].T, ".", color=REAL, markersize=4, label="real")
        return self._axes.plot([], [], ".", color=SAMPLES, markersize=4, alpha=0.6, mew=0, label="samples")[0]

    def _density(self, points: Float32[np.ndarray, "n 1"]) -> Line2D:
        middles, heights = self._histogram(points[:, 0])
        self._axes.set_ylim(0, 2 * heights.max())  # a collapsed generator's density goes beyond
        self._axes.set_ylabel("density", color=INK)
        self._axes.fill_between(middles, heights, step="mid", color=REAL, linewidth=0, label="real")
        return self._axes.plot([], [], color=SAMPLES, linewidth=1.6, drawstyle="steps-mid", label="samples")[0]

    def _histogram(
        self, values: Float32[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
        """The middles of the bins, and the density of `values` in each: a share of all, those outside included."""
        edges = np.linspace(self._window[0, 0], self._window[0, 1], BINS + 1)
        counts, _ = np.histogram(values, edges)
        return (edges[1:] + edges[:-1]) / 2, counts / (len(values) * (edges[1] - edges[0]))

    def save(self, samples: Float[Tensor, "n coordinate 1 1"], path: Path) -> None:
        """Write a PNG of `samples`; of those beyond the axes, which are not seen, the share is written."""
        points = samples.flatten(1).numpy()
        beyond = ((points < self._window[:, 0]) | (points > self._window[:, 1])).any(axis=1).mean()
        self._outside.set_text(f"{beyond:.0%} of the samples are outside" if beyond >= 0.01 else "")
        self._samples.set_data(*(points.T if points.shape[1] == 2 else self._histogram(points[:, 0])))
        self._canvas.restore_region(self._background)
        self._axes.draw_artist(self._samples)
        self._axes.draw_artist(self._outside)
        with atomic_write(path) as file:
            Image.fromarray(np.asarray(self._canvas.buffer_rgba())[..., :3]).save(file, format="png")
