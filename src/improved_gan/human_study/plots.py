"""Plots of a study: figures with their intervals, response times, people against scores."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.human_study.scores import Correlation
from improved_gan.human_study.statistics import QUARTERS, Estimate
from improved_gan.human_study.storage import Answer
from improved_gan.report.plots import COLOURS, FAINT, INK, PAPER, STYLE, WIDTH, svg


def accuracy_plot(found: Sequence[Estimate], paper: Sequence[tuple[str, float]]) -> str:
    """Every accuracy but those of quarters, with chance and the paper's figures."""
    rows = [each for each in found if each.name.startswith("accuracy") and not each.name.endswith("quarter")]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.9 + 0.28 * (len(rows) + len(paper))), layout="constrained")
        axes = figure.subplots()
        for place, row in enumerate(rows):
            if row.low is not None and row.high is not None:
                axes.plot([100 * row.low, 100 * row.high], [place, place], color=COLOURS[0], linewidth=2)
            axes.plot(100 * row.value, place, "o", color=COLOURS[0])
        for place, (_, value) in enumerate(paper, len(rows)):
            axes.plot(value, place, "D", color=PAPER, markersize=5)
        axes.axvline(50, color=FAINT, linestyle="--")
        axes.set_yticks(range(len(rows) + len(paper)), [r.name for r in rows] + [f"the paper: {n}" for n, _ in paper])
        axes.set(xlim=(0, 100), xlabel="% right", ylim=(len(rows) + len(paper) - 0.5, -0.5))
        return svg(figure)


def time_plot(found: Sequence[Estimate], kept: Sequence[Answer]) -> str:
    """Accuracy by quarter of the study, and how long answers took."""
    quarters = [each for word in QUARTERS for each in found if each.name == f"accuracy, {word} quarter"]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for place, each in enumerate(quarters):
            if each.low is not None and each.high is not None:
                left.plot([place, place], [100 * each.low, 100 * each.high], color=COLOURS[0], linewidth=2)
        left.plot([100 * each.value for each in quarters], "o-", color=COLOURS[0])
        left.axhline(50, color=FAINT, linestyle="--")
        left.set_xticks(range(len(quarters)), [each.name.split()[1] for each in quarters])
        left.set(ylim=(0, 100), ylabel="% right", title="Learning: by quarter of the study")
        seconds = {
            word: [r.seconds for r in kept if r.right == flag] for word, flag in (("right", True), ("wrong", False))
        }
        longest = float(np.quantile([row.seconds for row in kept], 0.98)) or 1.0
        bins = np.linspace(0, longest, 31)
        for (word, values), colour in zip(seconds.items(), COLOURS, strict=False):
            right.hist(np.minimum(values, longest), bins, histtype="step", color=colour, label=word, linewidth=1.5)
        right.set(xlabel="seconds (the slowest 2% in the last bin)", ylabel="answers", title="Response times")
        right.legend(frameon=False)
        return svg(figure)


def score_plot(found: Sequence[Correlation]) -> str:
    """How often each generator's images are called real against each score."""
    columns = min(3, len(found))
    lines = -(-len(found) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.7 * lines), layout="constrained")
        panels = figure.subplots(lines, columns, squeeze=False).flat
        for axes, each in zip(panels, found, strict=False):
            for name, value in each.values.items():
                axes.plot(value, 100 * each.fooled[name], "o", color=COLOURS[0])
                place = (value, 100 * each.fooled[name])
                axes.annotate(name[:18], place, (4, 4), textcoords="offset points", fontsize=7, color=INK)
            axes.set(title=f"{each.score}: ρ = {each.spearman:.2f}", xlabel=each.score, ylabel="% called real")
            axes.margins(x=0.25, y=0.15)
        for axes in list(panels):
            axes.set_visible(False)
        return svg(figure)
