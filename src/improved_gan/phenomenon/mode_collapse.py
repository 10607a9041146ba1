"""Mode collapse: the generator puts its samples on few modes of the data, and moves from mode to mode.

Over time, the share of samples in each mode (Metz et al. 2017, arXiv 1611.02163, figure 2), a panel for each cure.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from improved_gan.phenomenon.drawing.animation import save_evolution
from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, history, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import STYLE
from improved_gan.report.runs import Run

COLUMNS, OF_MANY = 3, 4  # of panels, and where there are more than two lines of them
NEAR_A_MODE = 0.01  # share of the samples under which their nearest modes say nothing, as `training.diagnosis` has it


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """Of each row's first seed a heat map of modes over steps and the last samples; the table has all seeds."""
    lines = [_line(row) for row in rows]
    columns = min(COLUMNS if len(rows) <= 2 * COLUMNS else OF_MANY, len(rows))
    height = -(-len(rows) // columns)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(9.6, 0.6 + (1.9 + 9 / (columns + 1)) * height), dpi=110, layout="constrained")
        grid = figure.subplots(
            2 * height, columns, squeeze=False, height_ratios=[1.9, 9 / (columns + 1)] * height
        )  # heat maps and, under each, its samples
        for panel in grid.ravel():
            panel.set_axis_off()
        for place, (row, line) in enumerate(zip(rows, lines, strict=True)):
            across, down = place % columns, 2 * (place // columns)
            axes = grid[down, across]
            axes.set_axis_on()
            image = _heat_map(axes, row.runs[0])
            of_points = line["high quality, %"]  # of images nothing says so
            found = f"{line['modes']} modes" + (f"\nhigh quality {of_points}%" if of_points else "")
            axes.set_title(f"{textwrap.fill(row.label, 104 // columns)}\n{found}")
            pictures = sorted((row.runs[0].folder / "samples").glob("step_*.png"), key=lambda path: int(path.stem[5:]))
            if pictures:
                with Image.open(pictures[-1]) as picture:
                    grid[down + 1, across].imshow(picture.convert("RGB"))
        for axes in grid[::2, 0]:
            axes.set_ylabel("mode")
        figure.colorbar(
            image,
            ax=list(grid.ravel()),
            label=f"share of the samples by mode (seed {rows[0].runs[0].settings['seed']})"
            + (f";\ngrey: fewer than {NEAR_A_MODE:.0%} of them lie near any" if lines[0]["high quality, %"] else ""),
            pad=0.01,
            panchor=False,  # else it moves the samples away from below their heat map
            aspect=40,
            shrink=0.8,
        )
        save_picture(figure, folder)
    save_evolution(folder / "phenomenon.gif", [(row.label, row.runs[0].folder / "samples") for row in rows])
    return lines


def _heat_map(axes: Axes, run: Run) -> QuadMesh:
    """Shares over steps; masked where hardly a sample is near a mode, as then the nearest says nothing."""
    steps, counts = history(run, "mode_counts")
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    of_quality = dict(zip(*history(run, "high_quality_fraction"), strict=True))
    far = np.array([of_quality.get(step, 1.0) < NEAR_A_MODE for step in steps])
    shown = np.ma.masked_where(np.broadcast_to(far[:, None], shares.shape), shares)
    axes.set_facecolor("#d5dae1")
    axes.set_xlabel("step")
    return axes.pcolormesh(
        steps, np.arange(shares.shape[1]), shown.T, cmap="magma_r", vmin=0, vmax=max(0.5, 2 / shares.shape[1])
    )


def _line(row: Row) -> dict[str, Any]:
    counts = [history(run, "mode_counts")[1] for run in row.runs]
    return {
        "row": row.label,
        "runs": len(row.runs),
        "modes": format_mean_std([measured(run, "modes_captured") for run in row.runs], 1),
        "high quality, %": format_mean_std([100 * measured(run, "high_quality_fraction") for run in row.runs], 1),
        "KL to uniform, nats": format_mean_std([measured(run, "mode_kl") for run in row.runs], 2),
        "fewest modes on the way": format_mean_std([_fewest(of_run) for of_run in counts], 1),
        "changes of the fullest mode": format_mean_std([_changes(of_run) for of_run in counts], 1),
    }


def _fewest(counts: np.ndarray) -> float:
    """Modes at the run's worst moment of its second half."""
    return float((counts[len(counts) // 2 :] > 0).sum(1).min())


def _changes(counts: np.ndarray) -> float:
    """How often another mode became the one with the most samples: cycling."""
    fullest = counts.argmax(1)
    return float((fullest[1:] != fullest[:-1]).sum())
