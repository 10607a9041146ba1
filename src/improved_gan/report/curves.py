"""Learning curves with seed bands: rows together while they can be told apart, a panel each where they are many."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, INK, STYLE, WIDTH, shown_rows
from improved_gan.report.results import Results
from improved_gan.report.runs import Curve

TOGETHER = len(COLOURS)  # rows that share one pair of axes; more get a panel each
POINTS = 160  # at which the range of all rows is drawn
BINS = 40  # that losses are averaged over, which are noisy


def curves_plot(results: Results, names: Sequence[str], limit: int) -> Figure | None:
    """Mean over seeds with a band of one standard deviation; a panel a curve, or a panel a row where rows are many."""
    rows = shown_rows(results, limit)
    names = [
        name
        for name in names
        if any(len(run.curves[name].steps) > 1 for row in rows for run in row.counted if name in run.curves)
    ]
    if not names:
        return None
    with rc_context(STYLE):
        if len(rows) <= TOGETHER:
            across = len(names) if len(names) < 4 else 2
            down = math.ceil(len(names) / across)
            figure = Figure(figsize=(WIDTH, 2.8 * down + 0.3 * math.ceil(len(rows) / 3)))
            grid = figure.subplots(down, across, squeeze=False).ravel()
            for axes, name in zip(grid, names, strict=False):
                for row, colour in zip(rows, COLOURS, strict=False):
                    _draw_curve(axes, row, name, colour, results)
                if any(c.metric == name for c in results.columns) and _spans_decades(*_extent(axes)):
                    _log_scale(axes)
                axes.set_title(_curve_title(name, results))
                axes.set_xlabel("step")
            for axes in grid[len(names) :]:
                axes.set_visible(False)
            handles = [
                grid[0].plot([], [], color=colour, lw=2, label=row.label)[0]
                for row, colour in zip(rows, COLOURS, strict=False)
            ]
            figure.legend(
                handles=handles,
                loc="outside lower left",
                ncols=3 if max(len(r.label) for r in rows) < 34 else 1,
                frameon=False,
            )
        else:
            return _panels(rows, names[0], results)
        figure.set_layout_engine("constrained")
        return figure


def _panels(rows: Sequence[Row], name: str, results: Results) -> Figure:
    """Small multiples: each row in colour over the range of all rows in grey."""
    across = 4
    down = math.ceil(len(rows) / across)
    height = 1.55 * down + 0.4
    figure = Figure(figsize=(WIDTH, height))  # placed by hand: shared axes and a layout engine take 10 s for 36 panels
    figure.subplots_adjust(left=0.075, right=0.99, bottom=0.5 / height, top=1 - 0.45 / height, wspace=0.12, hspace=0.55)
    drawn = [found for row in rows if (found := mean_curve(row, name)) is not None]
    factor = _factor(name, results)
    steps = np.linspace(min(c[0][0] for c in drawn), max(c[0][-1] for c in drawn), POINTS)
    means = np.array([np.interp(steps, c[0], c[1], left=np.nan, right=np.nan) for c in drawn]) * factor
    known = ~np.isnan(means).all(axis=0)
    low, high = np.nanmin(means[:, known], axis=0), np.nanmax(means[:, known], axis=0)
    logarithmic = _spans_decades(low, high) and any(column.metric == name for column in results.columns)
    margin = (high.max() - low.min()) * 0.05
    for place, row in enumerate(rows):
        axes = figure.add_subplot(down, across, place + 1)
        axes.fill_between(steps[known], low, high, color="#e4e7eb", lw=0)
        _draw_curve(axes, row, name, COLOURS[0], results)
        axes.set_title("\n".join(textwrap.wrap(row.label, 36)[:3]), fontsize=7.5)
        if logarithmic:
            _log_scale(axes)
        axes.set_xlim(steps[0], steps[-1])
        axes.set_ylim(
            low.min() * 0.9 if logarithmic else low.min() - margin,
            high.max() * 1.1 if logarithmic else high.max() + margin,
        )
        axes.tick_params(labelleft=place % across == 0, labelbottom=place + across >= len(rows), labelsize=8)
    figure.supylabel(_curve_title(name, results), fontsize=9, color=INK, x=0.005)
    figure.supxlabel("step", fontsize=9, color=INK)
    return figure


def _extent(axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines] or [np.zeros(1)])
    return values, values


def _spans_decades(low: np.ndarray, high: np.ndarray) -> bool:
    return bool(np.min(low) > 0 and np.max(high) > 4 * np.min(low))


def _log_scale(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_curve(axes: Axes, row: Row, name: str, colour: str, results: Results) -> None:
    found = mean_curve(row, name)
    if found is None:
        return
    steps, mean, sd = found
    factor = _factor(name, results)
    axes.plot(steps, mean * factor, color=colour, lw=1.5, ls="-" if row.finished else "--")
    axes.fill_between(steps, (mean - sd) * factor, (mean + sd) * factor, color=colour, alpha=0.16, lw=0)


def mean_curve(
    row: Row, name: str
) -> tuple[Float64[np.ndarray, " point"], Float64[np.ndarray, " point"], Float64[np.ndarray, " point"]] | None:
    """Steps, mean and standard deviation over the row's counted runs, where all have values; a single run's sd is 0."""
    curves = [run.curves[name] for run in row.counted if name in run.curves and len(run.curves[name].steps) > 1]
    if not curves:
        return None
    if name.endswith("_loss"):
        curves = [_smoothed(curve) for curve in curves]
    start, end = max(c.steps[0] for c in curves), min(c.steps[-1] for c in curves)
    if start >= end:
        return None
    steps = curves[0].steps[(curves[0].steps >= start) & (curves[0].steps <= end)]
    steps = np.unique([start, *steps, end])
    values = np.array([np.interp(steps, c.steps, c.values) for c in curves])
    sd = values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return steps, values.mean(axis=0), sd


def _smoothed(curve: Curve) -> Curve:
    """Means over `BINS` equal parts of a curve; one of fewer points as it is."""
    if len(curve.steps) <= BINS:
        return curve
    parts = np.array_split(np.arange(len(curve.steps)), BINS)
    return Curve(np.array([curve.steps[p].mean() for p in parts]), np.array([curve.values[p].mean() for p in parts]))


def _factor(name: str, results: Results) -> float:
    return next((column.scale for column in results.columns if column.metric == name), 1.0)


def _curve_title(name: str, results: Results) -> str:
    return next((column.title for column in results.columns if column.metric == name), name.replace("_", " "))
