"""Mode collapse: the generator puts its samples on few modes of the data, and moves from mode to mode.

Over time, the share of samples in each mode (Metz et al. 2017, arXiv 1611.02163, figure 2), a panel for each cure.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.phenomenon.drawing.animation import save_evolution
from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, history, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import STYLE

COLUMNS = 3


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """A heat map of modes over steps for the first seed of each row; the table has all seeds."""
    lines = [_line(row) for row in rows]
    columns = min(COLUMNS, len(rows))
    height = -(-len(rows) // columns)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(9.6, 0.6 + 2.3 * height), dpi=110, layout="constrained")
        panels = figure.subplots(height, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for axes in panels[len(rows) :]:
            axes.remove()
        for axes, row, line in zip(panels, rows, lines, strict=False):
            steps, counts = history(row.runs[0], "mode_counts")
            shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
            image = axes.pcolormesh(
                steps, np.arange(shares.shape[1]), shares.T, cmap="magma_r", vmin=0, vmax=max(0.5, 2 / shares.shape[1])
            )
            axes.set_title(
                f"{textwrap.fill(row.label, 34)}\n{line['modes']} modes, high quality {line['high quality, %']}%"
            )
        figure.supxlabel("step", size=9)
        figure.supylabel("mode", size=9)
        figure.colorbar(
            image,
            ax=list(panels[: len(rows)]),
            label=f"share of the samples,\nby nearest mode (seed {rows[0].runs[0].settings['seed']})",
            pad=0.01,
        )
        save_picture(figure, folder)
    save_evolution(folder / "phenomenon.gif", [(row.label, row.runs[0].folder / "samples") for row in rows])
    return lines


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
