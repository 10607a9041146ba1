"""The finished runs of an experiment in rows, and what their logs say."""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from improved_gan.report.discovery import read_runs
from improved_gan.report.grouping import Row, tables_of
from improved_gan.report.runs import Run
from improved_gan.run_folder import RunFolder

History = tuple[Float64[np.ndarray, " point"], Float64[np.ndarray, "point *value"]]


def finished_rows(root: Path) -> list[Row]:
    """Rows that have a finished run, in the report's order, with what they differ in as their label."""
    runs = [run for run in read_runs(root).runs if run.finished]
    rows = [row for table in tables_of(runs, None) for row in table.rows]
    words = [_ablation(row.runs[0]) for row in rows]
    for row, ablation in zip(rows, words, strict=True):
        if words.count(ablation) == 1:  # else it is something else that tells them apart
            row.label = ablation or row.label
    return rows


def _ablation(run: Run) -> str:
    """The words for the run's `ablation=` override; empty if it has none."""
    choices = [line.removeprefix("ablation=") for line in run.overrides or [] if line.startswith("ablation=")]
    words = choices[-1].removeprefix("with_").replace("_", " ") if choices else ""
    return "no technique" if words == "none" else words


def history(run: Run, key: str) -> History:
    """The steps at which `key` was logged, and its value (a number, or a list of them) at each."""
    found = [(line["step"], line[key]) for line in RunFolder(run.folder).metrics() if line.get(key) is not None]
    return np.array([step for step, _ in found], dtype=float), np.array([value for _, value in found], dtype=float)


def measured(run: Run, metric: str) -> float:
    """The run's final value of a metric; NaN where it was not measured."""
    return next((value for (name, _), value in run.metrics.items() if name == metric), float("nan"))


def format_mean_std(values: list[float], digits: int) -> str:
    """`1.23 ± 0.04` over seeds (the sample's standard deviation); a single value alone; empty if there is none."""
    known = [value for value in values if value == value]
    if not known:
        return ""
    spread = f" ± {np.std(known, ddof=1):.{digits}f}" if len(known) > 1 else ""
    return f"{np.mean(known):.{digits}f}{spread}"
