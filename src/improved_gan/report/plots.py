"""Plots of seeds and effects, and how a plot becomes a file or travels inside the page."""

import base64
import io
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context, rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from improved_gan.files import atomic_write
from improved_gan.report.columns import Column
from improved_gan.report.grouping import Row
from improved_gan.report.results import Results

WIDTH = 9.6  # inches, the page's column at 100 dots an inch
STYLE: Any = dict(rc_params_from_file(Path(__file__).with_name("figures.mplstyle"), use_default_template=False))
COLOURS: tuple[str, ...] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
INK, FAINT, PAPER = "#1f2933", "#9aa5b1", "#b42318"
LABEL_CHARACTERS = 96  # of 9 points, that the width has room for


def data_uri(content: bytes, kind: str) -> str:
    """`content` as an address that needs no network."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def rendered(figure: Figure, kind: str) -> bytes:
    """The drawing as a file of `kind`, svg or pdf, the same whenever it is made."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, metadata={"Date" if kind == "svg" else "CreationDate": None})
    return buffer.getvalue()


def svg(figure: Figure) -> str:
    """The drawing as an address that needs no network."""
    return data_uri(rendered(figure, "svg"), "svg+xml")


def save_figures(folder: Path, title: str, plots: Mapping[str, Figure | None], kind: str) -> None:
    """Write `<title>-seeds.svg` and the others, for a paper or a hand-in."""
    name = re.sub(r"\W+", "_", title).strip("_")
    for plot, figure in plots.items():
        if figure is not None:
            with atomic_write(folder / f"{name}-{plot}.{kind}") as file:
                file.write(rendered(figure, kind))


def shown_rows(results: Results, limit: int) -> list[Row]:
    """All rows, or the `limit` best by the primary metric where there are more, in the table's order."""
    rows, column = results.rows, results.primary
    if len(rows) <= limit:
        return rows
    means = [
        row[0].estimate.mean * (column.sign or 1) if column and row[0].estimate else -math.inf for row in results.cells
    ]
    best = sorted(sorted(range(len(rows)), key=lambda k: -means[k])[:limit])
    return [rows[k] for k in best]


def seeds_plot(results: Results, limit: int) -> Figure | None:
    """Every seed as a dot, the mean with its interval, the paper's figure where it compares; up to three metrics."""
    columns = [c for k, c in enumerate(results.columns) if any(row[k].estimate for row in results.cells)][:3]
    rows = shown_rows(results, limit)
    if not columns:
        return None
    labels = ["\n".join(textwrap.wrap(row.label, 44)) for row in rows]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.75 + 0.34 * len(rows) + 0.12 * sum(label.count("\n") for label in labels)))
        all_axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axes, column in zip(all_axes, columns, strict=True):
            for place, row in enumerate(rows):
                _draw_seeds(axes, results, row, column, place)
            label = column.title + (f" ({column.better} is better)" if column.better else "")
            axes.set_xlabel(textwrap.fill(label, LABEL_CHARACTERS // (len(columns) + 1)))
            axes.grid(axis="y", visible=False)
        all_axes[0].set_yticks(range(len(rows)), labels)
        all_axes[0].tick_params(axis="y", length=0, labelcolor=INK)
        all_axes[0].set_ylim(len(rows) - 0.5, -0.5)
        figure.set_layout_engine("constrained")
        return figure


def _draw_seeds(axes: Axes, results: Results, row: Row, column: Column, place: int) -> None:
    cell = results.cells[_index(results.rows, row)][results.columns.index(column)]
    if place % 2:
        axes.axhspan(place - 0.5, place + 0.5, color="#f5f7fa", zorder=0)
    if cell.paper:
        value, error = cell.paper["value"] * column.scale, (cell.paper.get("error") or 0) * column.scale
        axes.errorbar(
            value, place + 0.3, xerr=error or None, fmt="D", ms=4.5, color=PAPER, mfc="white", lw=1, capsize=0
        )
    found = cell.estimate
    if found is None:
        return
    colour = COLOURS[0] if cell.finished else FAINT
    axes.plot(
        np.array(found.values) * column.scale,
        [place - 0.16] * len(found.values),
        "o",
        ms=4.5,
        alpha=0.45,
        color=colour,
        mew=0,
    )
    if found.low is not None and found.high is not None:
        axes.plot(np.array([found.low, found.high]) * column.scale, [place + 0.1] * 2, color=colour, lw=1.6)
    axes.plot(found.mean * column.scale, place + 0.1, "|", ms=8, mew=2, color=colour)


def effects_plot(results: Results) -> Figure | None:
    """Main effects and interactions of a factorial, or each row's difference from the reference row, with intervals."""
    column = results.primary
    if column is None:
        return None
    lines: list[tuple[str, float | None, float | None, float | None, float | None, bool]] = []
    if results.factorial is not None:
        effects = [effect for effect in results.factorial.effects if effect.size is not None]
        lines += [(" × ".join(e.factors), e.size, e.low, e.high, e.p_holm, len(e.factors) > 1) for e in effects]
    else:
        lines += [(d.label, d.size, d.low, d.high, d.p_holm, False) for d in results.differences][:40]
    if not lines:
        return None
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.75 + 0.3 * len(lines)))
        axes = figure.subplots()
        axes.axvline(0, color=INK, lw=0.8)
        for place, (_, size, low, high, p, pair) in enumerate(lines):
            assert size is not None
            colour = FAINT if p is None or p >= 0.05 else COLOURS[0] if size * (column.sign or 1) > 0 else COLOURS[1]
            if low is not None and high is not None:
                axes.plot(
                    np.array([low, high]) * column.scale, [place, place], color=colour, lw=2, solid_capstyle="round"
                )
            axes.plot(
                size * column.scale, place, "s" if pair else "o", ms=6, color=colour, mfc="white" if pair else colour
            )
        axes.set_yticks(range(len(lines)), ["\n".join(textwrap.wrap(line[0], 60)) for line in lines])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        direction = f"  (better: {'right' if column.sign > 0 else 'left'})" if column.sign else ""
        axes.set_xlabel(f"change of {column.title}{direction}")
        figure.set_layout_engine("constrained")
        return figure


def _index(rows: Sequence[Row], row: Row) -> int:
    return next(k for k, other in enumerate(rows) if other is row)
