"""Results as data frames: a wide one to read (Markdown, LaTeX, HTML), and a long one with every number (CSV)."""

from collections import Counter
from collections.abc import Sequence
from statistics import median_low
from typing import Any

import pandas as pd

from improved_gan.report.columns import Column, decimals, paper_results, written
from improved_gan.report.grouping import ABSENT, OFF, Row, factor_words, reference_row, setting_words
from improved_gan.report.results import Cell, Results

FACTOR_COLUMNS = 6  # more than that are written as one label
STATUSES = ("running", "stopped", "failed", "unknown")


def wide_frame(results: Results, confidence: float) -> pd.DataFrame:
    """A line a row, ready to read: names or factors, runs, each metric with its paper figure beside it."""
    frame = pd.DataFrame(_names(results))
    frame["runs"] = [runs_words(row) for row in results.rows]
    for position, column in enumerate(results.columns):
        cells = [row[position] for row in results.cells]
        digits = column_digits(cells, column)
        frame[column.title] = [
            format_cell(cell, column, row, digits) for cell, row in zip(cells, results.rows, strict=True)
        ]
        if column is results.primary and any(interval_words(cell, column, digits) for cell in cells):
            frame[f"{confidence:.0%} interval"] = [interval_words(cell, column, digits) for cell in cells]
        if any(cell.paper for cell in cells):
            frame[_paper_title(results, column)] = [format_paper_result(cell.paper, column.scale) for cell in cells]
        if column.metric == "test_error" and any(results.ensemble_estimates):
            frame[f"{column.title}, ensemble"] = [
                _ensemble_words(results, k, column, digits) for k in range(len(cells))
            ]
        if any(cell.paper_ensemble for cell in cells):
            models = next(cell.paper_ensemble for cell in cells if cell.paper_ensemble)["ensemble"]
            frame[f"{_paper_title(results, column)}, ensemble of {models}"] = [
                format_paper_result(cell.paper_ensemble, column.scale) for cell in cells
            ]
    for title, words in _other_figures(results):
        frame[title] = words
    diagnoses = [format_diagnoses(row) for row in results.rows]
    if any(diagnoses):
        frame["diagnosis"] = diagnoses
    marks = [marks_of(row) for row in results.rows]
    if any(marks):
        frame["note"] = marks
    return frame


def best_cells(results: Results) -> set[tuple[int, str]]:
    """Position and column title of the best mean of each metric, in the wide frame."""
    return {
        (k, column.title)
        for k, cells in enumerate(results.cells)
        for column, cell in zip(results.columns, cells, strict=True)
        if cell.best
    }


def long_frame(all_results: Sequence[Results], confidence: float) -> pd.DataFrame:
    """A line for each row and metric, in the metric's own unit (errors as shares), with every seed's value."""
    lines = []
    for results in all_results:
        table = results.table
        for k, row in enumerate(results.rows):
            settings = {
                key: level for key, level in zip(table.factors, row.levels, strict=True) if level not in (ABSENT, OFF)
            }
            statuses = Counter(run.status for run in row.runs)
            shared = {"data": table.title, "row": row.label, "finished": statuses["finished"]}
            shared |= {status: statuses[status] for status in STATUSES} | {"scaled": row.scaled}
            shared |= {"diagnosis": format_diagnoses(row)}
            for column, cell in zip(results.columns, results.cells[k], strict=True):
                line = shared | {"metric": column.metric, "definition": _definition_words(column)}
                lines.append(line | {"warning": column.warning} | _numbers(cell, confidence) | settings)
            for ensemble in results.ensembles[k]:
                name = {"metric": "test_error of an ensemble", "definition": f"label_seed {ensemble.label_seed}"}
                lines.append(shared | name | {"n": ensemble.models, "mean": ensemble.value} | settings)
            if not results.columns:
                lines.append(shared | settings)
    return pd.DataFrame(lines)


def _numbers(cell: Cell, confidence: float) -> dict[str, Any]:
    found, paper = cell.estimate, cell.paper or {}
    numbers: dict[str, Any] = {"n": 0 if found is None else len(found.values)}
    if found is not None:
        numbers |= {
            "mean": found.mean,
            "sd": found.sd,
            "low": found.low,
            "high": found.high,
            "interval": found.interval,
        }
        numbers |= {"confidence": confidence, "values": " ".join(f"{v:.10g}" for v in found.values)}
        numbers |= {"so_far": not cell.finished}
    return numbers | {"paper": paper.get("value"), "paper_error": paper.get("error") or None}


def _names(results: Results) -> dict[str, list[str]]:
    factors = results.table.factors
    if any(row.paper and row.paper.get("row") for row in results.rows) or not 1 <= len(factors) <= FACTOR_COLUMNS:
        names = {"row": [row.label for row in results.rows]}
        reference = reference_row(results.rows)
        named = any(row.paper and row.paper.get("row") for row in results.rows)
        if named and reference and 1 <= len(factors) <= FACTOR_COLUMNS:
            names["settings"] = [setting_words(factors, row.levels, reference.levels) for row in results.rows]
        return names
    return {
        factor_words(key, factors): [_level_words(row.levels[k]) for row in results.rows]
        for k, key in enumerate(factors)
    }


def _level_words(level: Any) -> str:
    if isinstance(level, bool):
        return "✓" if level else "–"
    return f"{level:g}" if isinstance(level, float) else "null" if level is None else str(level)


def runs_words(row: Row) -> str:
    """`3`, or `3 of 5`: how many runs the row's figures stand on."""
    finished, total = len(row.finished), len(row.runs)
    return str(finished) if finished == total else f"{finished} of {total}"


def format_diagnoses(row: Row) -> str:
    """Return the diagnoses of the row's runs: `healthy`, or `2 collapsed, 1 healthy`."""
    labels = Counter(run.diagnosis for run in row.runs if run.diagnosis)
    if len(labels) == 1 and labels.total() == len(row.runs):
        return next(iter(labels))
    return ", ".join(f"{count} {label}" for label, count in labels.most_common())


def marks_of(row: Row) -> str:
    """What a reader must know of a row: scaled by a budget, unfinished, failed."""
    statuses = Counter(run.status for run in row.runs)
    marks = [f"{statuses[status]} {status}" for status in STATUSES if statuses[status]]
    if not row.finished:
        done = [run.step / run.total_steps for run in row.runs if run.step is not None and run.total_steps]
        marks.insert(0, f"unfinished, {max(done):.0%} done" if done else "unfinished")
    if row.scaled:
        marks.insert(0, f"scaled (budget={row.scaled})")
    return "; ".join(marks)


def column_digits(cells: Sequence[Cell], column: Column) -> int:
    """Digits behind the point for a whole column: what most of its rows' spreads make sensible."""
    found = [cell.estimate for cell in cells if cell.estimate]
    spread = [e for e in found if e.sd] or found
    wanted = [decimals(e.sd and e.sd * column.scale, e.mean * column.scale) for e in spread]
    return min(6, median_low(wanted)) if wanted else 2


def format_cell(cell: Cell, column: Column, row: Row, digits: int) -> str:
    """`9.21 ± 0.40`, with N where it isn't that of the row's finished runs; `so far 12.3` for unfinished ones."""
    found = cell.estimate
    if found is None:
        return ""
    words = written(found.mean * column.scale, None if found.sd is None else found.sd * column.scale, digits)
    if not cell.finished:
        return f"so far {words}"
    return words if len(found.values) == len(row.finished) else f"{words} (N = {len(found.values)})"


def interval_words(cell: Cell, column: Column, digits: int) -> str:
    """`8.8 to 9.6`, with the way that it was made where that is not Student's t."""
    found = cell.estimate
    if found is None or found.low is None or found.high is None or not cell.finished:
        return ""
    words = f"{found.low * column.scale:.{digits}f} to {found.high * column.scale:.{digits}f}"
    return words + (" (bootstrap)" if found.interval == "bootstrap" else "")


def format_paper_result(figure: dict[str, Any] | None, scale: float = 1.0) -> str:
    """The paper's figure as the paper prints it, in the unit of the column that it stands beside."""
    if figure is None:
        return ""
    error = figure.get("error") or 0
    return f"{figure['value'] * scale:.5g}" + (f" ± {error * scale:.3g}" if error else "")


def _paper_title(results: Results, column: Column) -> str:
    tables = sorted({str(row.paper.get("table")) for row in results.rows if row.paper})
    title = f"paper, {', '.join(tables)}"
    others = [c for c in results.columns if c is not column and c.metric == column.metric]
    return f"{title} ({column.told_apart_by})" if others else title


def _other_figures(results: Results) -> list[tuple[str, list[str]]]:
    """The paper's figures of other data or metrics, which rank the rows but do not compare with ours."""
    measured = {column.metric for column in results.columns}
    data = results.rows[0].runs[0].settings.get("dataset.name") if results.rows else None
    found: dict[str, list[str]] = {}
    for k, row in enumerate(results.rows):
        for figure in paper_results(row.paper):
            assert row.paper is not None
            if figure.get("ensemble") is not None or (
                row.paper.get("dataset") == data and figure["metric"] in measured
            ):
                continue
            metric = str(figure["metric"]).replace("_", " ")
            title = f"paper, {row.paper.get('table')}: {metric}, {row.paper.get('dataset')}"
            if figure.get("labels_per_class") in (None, row.runs[0].settings.get("dataset.labels_per_class")):
                found.setdefault(title, [""] * len(results.rows))[k] = format_paper_result(figure)
    return list(found.items())


def _ensemble_words(results: Results, k: int, column: Column, digits: int) -> str:
    found, members = results.ensemble_estimates[k], results.ensembles[k]
    if found is None:
        return ""
    models = sorted({ensemble.models for ensemble in members})
    size = f"{models[0]}" if len(models) == 1 else f"{models[0]} to {models[-1]}"
    words = written(found.mean * column.scale, None if found.sd is None else found.sd * column.scale, digits)
    return f"{words} ({size} models{f', {len(members)} subsets' if len(members) > 1 else ''})"


def _definition_words(column: Column) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in column.definition)
