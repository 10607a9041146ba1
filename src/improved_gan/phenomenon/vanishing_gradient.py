"""Vanishing gradient: the better the discriminator, the less a saturating loss tells the generator.

Arjovsky and Bottou 2017 (arXiv 1701.04862), figure 2: the generator stays as it is, the discriminator learns, and we
look at the gradient that the generator would get. For log(1 - D) it is proportional to D(G(z)), which goes to 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, history
from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, STYLE

NO_ERROR = 0.002  # where an accuracy of 1 is drawn; one image of a batch wrong is 0.005


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """The generator's gradient norm over steps, and against the discriminator's errors; a line a run."""
    source = np.random.default_rng(1)
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.8), dpi=110, layout="constrained")
        over_time, against = figure.subplots(1, 2, sharey=True)
        for row, colour in zip(rows, COLOURS, strict=False):
            for run in row.runs:
                steps, norms = history(run, "generator_gradient_norm")
                label = _objective(row) if run is row.runs[0] else None
                over_time.plot(steps, norms, color=colour, lw=1.2, label=label)
                errors = 1 - history(run, "discriminator_batch_accuracy")[1]
                shown = np.where(errors < NO_ERROR, NO_ERROR, errors) * source.uniform(0.85, 1.15, len(errors))
                against.plot(shown, norms, ".", ms=4, color=colour, alpha=0.5, mew=0)
        over_time.set(yscale="log", xlabel="steps of the discriminator", ylabel="norm of the generator's gradient")
        against.set(xscale="log", xlabel="1 - discriminator's accuracy (points spread by up to 15%)")
        against.invert_xaxis()  # a better discriminator to the right, as steps are
        against.set_xticks([0.05, 0.02, 0.01, 0.005, NO_ERROR], ["0.05", "0.02", "0.01", "0.005", "none"])
        against.minorticks_off()
        over_time.legend()
        save_picture(figure, folder)
    return [_line(row) for row in rows]


def _line(row: Row) -> dict[str, Any]:
    norms = [history(run, "generator_gradient_norm")[1] for run in row.runs]
    accuracies = [float(history(run, "discriminator_batch_accuracy")[1][-1]) for run in row.runs]
    late = [float(np.median(of_run[-max(1, len(of_run) // 4) :])) for of_run in norms]
    return {
        "objective": _objective(row),
        "runs": len(row.runs),
        "gradient norm, first": format_mean_std([float(of_run[0]) for of_run in norms], 4),
        "last quarter (median)": format_mean_std(late, 6),
        "last quarter / first": format_mean_std([end / float(n[0]) for end, n in zip(late, norms, strict=True)], 6),
        "accuracy, last": format_mean_std(accuracies, 3),
    }


def _objective(row: Row) -> str:
    return str(row.runs[0].settings["objective.name"]).replace("_", " ")
