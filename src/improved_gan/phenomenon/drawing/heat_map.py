"""A metric over two settings as a heat map, a panel for each value of a third."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FormatStrFormatter, LogLocator

from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import STYLE

COLUMNS = 3


def draw_heat_maps(
    rows: Sequence[Row], folder: Path, *, x: str, y: str, panel: str | None, metric: str, words: tuple[str, str, str]
) -> list[dict[str, Any]]:
    """Mean of `metric` over seeds; `x`, `y` and `panel` are keys of the config, `words` names x, y and the metric."""
    panels = _levels(rows, panel) if panel else [None]
    of_x, of_y = _levels(rows, x), _levels(rows, y)
    means = np.full((len(panels), len(of_y), len(of_x)), np.nan)
    lines: list[dict[str, Any]] = []
    for row in rows:
        settings, values = row.runs[0].settings, [measured(run, metric) for run in row.runs]
        place = (panels.index(settings[panel] if panel else None), of_y.index(settings[y]), of_x.index(settings[x]))
        means[place] = np.mean(values)
        first = {panel.split(".")[0]: settings[panel]} if panel else {}
        cell = {words[0]: settings[x], words[1]: settings[y], "runs": len(values)}
        lines.append(first | cell | {words[2]: format_mean_std(values, 3)})
    columns = min(COLUMNS, len(panels))
    height = -(-len(panels) // columns)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(1.2 + 2.8 * columns, 0.8 + 2.5 * height), dpi=110, layout="constrained")
        all_axes = figure.subplots(height, columns, squeeze=False).ravel()
        for axes in all_axes[len(panels) :]:
            axes.remove()
        # Ratios, not differences: one bad corner would leave all good cells one colour.
        norm = LogNorm(np.nanmin(means), np.nanmax(means))
        for axes, level, cells in zip(all_axes, panels, means, strict=False):
            image = axes.imshow(cells, origin="lower", aspect="auto", norm=norm, cmap="viridis_r")
            axes.set_title("" if level is None else str(level).replace("_", " "))
            axes.set(xlabel=words[0], ylabel=words[1])
            axes.set_xticks(range(len(of_x)), [f"{value:g}" for value in of_x])
            axes.set_yticks(range(len(of_y)), [f"{value:g}" for value in of_y])
            _write_values(axes, cells, norm)
            _mark_best(axes, cells)
        bar = figure.colorbar(image, ax=list(all_axes[: len(panels)]), label=f"{words[2]} (lower is better)", pad=0.02)
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        bar.ax.minorticks_off()
        save_picture(figure, folder)
    return lines


def _levels(rows: Sequence[Row], key: str) -> list[Any]:
    found: set[Hashable] = {row.runs[0].settings[key] for row in rows}
    return sorted(found)


def _mark_best(axes: Axes, values: np.ndarray) -> None:
    """A frame around the lowest of a panel's values."""
    if not np.isnan(values).all():
        row, column = np.unravel_index(np.nanargmin(values), values.shape)
        frame = Rectangle((float(column) - 0.46, float(row) - 0.46), 0.92, 0.92, fill=False, ec="#d55e00", lw=2.2)
        axes.add_patch(frame)


def _write_values(axes: Axes, values: np.ndarray, norm: LogNorm) -> None:
    for (row, column), value in np.ndenumerate(values):
        text = "-" if np.isnan(value) else f"{value:.3g}"
        colour = "black" if np.isnan(value) or norm(value) < 0.5 else "white"  # viridis_r begins with yellow
        axes.text(column, row, text, ha="center", va="center", size=8, color=colour)
