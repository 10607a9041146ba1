"""Balance: a discriminator that is trained K times a step memorises its training images.

Then log D of training images and of held-out ones part. Feature matching asks less of such a discriminator.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, history, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, STYLE
from improved_gan.report.runs import Run

K, FEATURE_MATCHING = "training.discriminator_steps", "technique.feature_matching.enabled"
WORDS = {False: "the objective's own loss", True: "feature matching"}


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """log D over training for the smallest and the largest K; the gap and sample quality over K, by generator loss."""
    rows = sorted(rows, key=lambda row: (row.runs[0].settings[FEATURE_MATCHING], row.runs[0].settings[K]))
    families: dict[bool, list[Row]] = defaultdict(list)
    for row in rows:
        families[row.runs[0].settings[FEATURE_MATCHING]].append(row)
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.6), dpi=110, layout="constrained")
        over_time, gaps, quality = figure.subplots(1, 3)
        plain = families[False] or rows
        for row, colour in zip((plain[0], plain[-1]), COLOURS, strict=False):
            for key, line in (("log_d_train", "-"), ("log_d_held_out", ":")):
                steps, values = history(row.runs[0], key)
                words = f"K = {row.runs[0].settings[K]}, {'training' if line == '-' else 'held out'}"
                over_time.plot(steps, values, line, color=colour, lw=1.3, label=words)
        for (matching, family), colour in zip(families.items(), COLOURS, strict=False):
            of_k = [row.runs[0].settings[K] for row in family]
            for axes, value in ((gaps, _gap), (quality, _distance)):
                of_rows = [[value(run) for run in row.runs] for row in family]
                axes.plot(of_k, [np.mean(v) for v in of_rows], "-", color=colour, label=WORDS[matching])
                for k, of_runs in zip(of_k, of_rows, strict=True):
                    beside = k + np.linspace(-0.12, 0.12, len(of_runs)) + (0.2 if matching else -0.2)
                    axes.plot(beside, of_runs, "o", ms=3.5, color=colour, alpha=0.5)
        over_time.set(title="log D of real images, nats", xlabel="step")
        gaps.set(title="log D, training less held out, nats", xlabel="K, discriminator updates a step")
        quality.set(title="Fréchet classifier distance (lower is better)", xlabel="K, discriminator updates a step")
        for axes in (over_time, gaps):
            axes.legend(frameon=False, fontsize=8)
        save_picture(figure, folder)
    return [
        {
            "generator's loss": WORDS[row.runs[0].settings[FEATURE_MATCHING]],
            "K": row.runs[0].settings[K],
            "runs": len(row.runs),
            "log D, training less held out": format_mean_std([_gap(run) for run in row.runs], 3),
            "Fréchet classifier distance": format_mean_std([_distance(run) for run in row.runs], 2),
        }
        for row in rows
    ]


def _gap(run: Run) -> float:
    return float(history(run, "log_d_train")[1][-1] - history(run, "log_d_held_out")[1][-1])


def _distance(run: Run) -> float:
    return measured(run, "frechet_classifier_distance")
