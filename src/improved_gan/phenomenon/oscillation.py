"""Non-convergence of a GAN: losses that keep swinging, and weights that keep moving without getting anywhere.

The path is that of the weights of the generator's last layer on two fixed random directions (`generator_position/1`
and `/2` in metrics.jsonl).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, history, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, INK, STYLE
from improved_gan.report.runs import Run


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """Losses over steps and the path of the generator's weights, a line of panels a row, of its first seed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.4 + 2.8 * len(rows)), dpi=110, layout="constrained")
        panels = figure.subplots(len(rows), 2, squeeze=False, width_ratios=[2, 1], sharex="col", sharey="col")
        for (losses, path), row in zip(panels, rows, strict=True):
            run = row.runs[0]
            for key, colour in (("discriminator_loss", COLOURS[0]), ("generator_loss", COLOURS[1])):
                losses.plot(*history(run, key), color=colour, lw=0.8, label=key.replace("_loss", ""))
            near = measured(run, "high_quality_fraction")
            losses.set_title(
                f"{row.label} (seed {run.settings['seed']}): losses, nats\n"
                f"modes at the end: {measured(run, 'modes_captured'):.0f}, with {near:.1%} of the samples near one"
            )
            positions = _positions(run)
            path.plot(*positions.T, color=INK, lw=0.7)
            times = history(run, "generator_position/1")[0]
            dots = path.scatter(*positions.T, c=times, cmap="viridis", s=5, zorder=3)
            figure.colorbar(dots, ax=path, label="step")
            path.set(title="the generator's weights, on two directions")
            losses.set_xlabel("step")
            losses.tick_params(labelbottom=True)
        panels[0, 0].legend(frameon=False)
        save_picture(figure, folder)
    return [
        {
            "row": row.label,
            "runs": len(row.runs),
            "swing of the generator's loss": format_mean_std([_swing(run, "generator_loss") for run in row.runs], 3),
            "swing of the discriminator's": format_mean_std([_swing(run, "discriminator_loss") for run in row.runs], 3),
            "wandering of the generator's weights": format_mean_std([_wandering(run) for run in row.runs], 4),
            "modes": format_mean_std([measured(run, "modes_captured") for run in row.runs], 1),
        }
        for row in rows
    ]


def _swing(run: Run, key: str) -> float:
    """Standard deviation of the loss over the second half of the run."""
    values = history(run, key)[1]
    return float(np.std(values[len(values) // 2 :]))


def _positions(run: Run) -> np.ndarray:
    return np.stack([history(run, f"generator_position/{number}")[1] for number in (1, 2)], axis=1)


def _wandering(run: Run) -> float:
    """Root mean square distance of the generator's weights from their mean, on the two directions, second half."""
    positions = _positions(run)
    return float(np.sqrt(positions[len(positions) // 2 :].var(0).sum()))
