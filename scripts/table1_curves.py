"""Test error after each epoch of Table 1's runs, beside the release's own curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.report.plots import COLOURS, INK, PAPER, STYLE
from improved_gan.report.runs import Run
from improved_gan.run_folder import RunFolder

# 100 labels, averaged weights, the release's script on a CPU, one seed: share of wrong answers after so many epochs.
RELEASE = {1: 0.297, 2: 0.266, 3: 0.247, 4: 0.231, 5: 0.219, 10: 0.161, 15: 0.098, 20: 0.061, 25: 0.042, 30: 0.031}
RELEASE |= {35: 0.028, 40: 0.0256, 45: 0.0250}


def draw_curves(runs: Sequence[tuple[str, Run]], published: Mapping[str, tuple[float, float]], path: Path) -> bool:
    """A curve a named run and a band for what is `published`, as a PNG; false, and no file, where no run has a curve.

    All are shares of wrong answers, the runs' by their averaged weights.
    """
    curves = [(label, found) for label, run in runs if (found := _errors(run))]
    if not curves:
        return False
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), dpi=120, layout="constrained")
        axes = figure.subplots()
        for number, (label, found) in enumerate(curves):
            axes.plot(*zip(*found, strict=True), color=COLOURS[number % len(COLOURS)], lw=1.2, label=label)
        axes.plot(list(RELEASE), list(RELEASE.values()), "o", ms=4, color=INK, label="the release, 100 labels")
        for name, (least, most) in published.items():
            axes.axhspan(least, most, color=PAPER, alpha=0.2, lw=0, label=name)
        axes.set(xscale="log", yscale="log", xlabel="epoch", ylabel="test error, averaged weights")
        axes.set_xticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
        axes.set_yticks([0.3, 0.1, 0.03, 0.01], ["30 %", "10 %", "3 %", "1 %"])
        axes.minorticks_off()
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Software": None})
    return True


def _errors(run: Run) -> list[tuple[float, float]]:
    """(epoch, test error) wherever it was measured."""
    return [(line["epoch"], line["test_error"]) for line in RunFolder(run.folder).metrics() if "test_error" in line]
