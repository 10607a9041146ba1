"""All that is said of one table: estimates beside the paper's figures, ensembles, effects, rank order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from improved_gan.config import ReportConfig
from improved_gan.report.columns import Column, paper_results
from improved_gan.report.ensembles import Ensemble, ensembles
from improved_gan.report.estimates import Difference, Estimate, difference, estimate, holm
from improved_gan.report.factorial import MAX_FACTORS, Factorial, analyse, missing_combinations
from improved_gan.report.grouping import Row, Table, factor_words, reference_row
from improved_gan.report.rank_correlation import RankOrder, rank_order
from improved_gan.report.runs import Run


@dataclass(frozen=True)
class Cell:
    """A row's estimate in one column, and what the paper says there (in our units)."""

    estimate: Estimate | None = None  # None: nothing measured
    finished: bool = True  # False: of unfinished runs, as far as they got; never part of an average with finished ones
    paper: dict[str, Any] | None = None
    paper_ensemble: dict[str, Any] | None = None
    best: bool = False


@dataclass
class Results:
    """A table with everything that was worked out from it."""

    table: Table
    cells: list[list[Cell]]  # by row, by column
    ensembles: list[list[Ensemble]]  # by row
    ensemble_estimates: list[Estimate | None]
    factorial: Factorial | None = None
    differences: list[Difference] = field(default_factory=list)
    reference: Row | None = None
    ranks: list[RankOrder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return self.table.rows

    @property
    def columns(self) -> list[Column]:
        return self.table.columns

    @property
    def primary(self) -> Column | None:
        """What curves, effects and ranks are about."""
        return self.table.columns[0] if self.table.columns else None


def results_of(table: Table, config: ReportConfig, problems: list[str]) -> Results:
    """Work out everything about `table`; what cannot be is said in the notes."""
    cells = [[_cell(row, column, table, config) for column in table.columns] for row in table.rows]
    for position, column in enumerate(table.columns):
        _mark_best([row[position] for row in cells], column, cells, position)
    together = [ensembles(row.runs, problems) for row in table.rows]
    of_ensembles = [
        estimate([e.value for e in found], config.confidence, config.resamples) if found else None for found in together
    ]
    results = Results(table, cells, together, of_ensembles, notes=list(table.notes))
    _add_effects(results, config)
    _add_ranks(results, config)
    _add_notes(results)
    return results


def values_of(row: Row, column: Column) -> tuple[list[float], list[Run]]:
    """Values of the row's counted runs in a column, and the runs that they are of."""
    pairs = [(value, run) for run in row.counted if (value := column.value_of(run)) is not None]
    return [value for value, _ in pairs], [run for _, run in pairs]


def _cell(row: Row, column: Column, table: Table, config: ReportConfig) -> Cell:
    values, runs = values_of(row, column)
    figures = matching_results(row, column, table)
    single = next((figure for figure in figures if figure.get("ensemble") is None), None)
    of_ensemble = next((figure for figure in figures if figure.get("ensemble") is not None), None)
    if not values:
        return Cell(paper=single, paper_ensemble=of_ensemble)
    subsets = [run.settings.get("dataset.label_seed") for run in runs]
    found = estimate(values, config.confidence, config.resamples, subsets)
    return Cell(found, bool(row.finished), single, of_ensemble)


def matching_results(row: Row, column: Column, table: Table) -> list[dict[str, Any]]:
    """The paper's figures for this row and metric on this data, as they may stand beside ours."""
    name = table.rows[0].runs[0].settings.get("dataset.name")
    if not row.paper or row.paper.get("dataset") != name:
        return []
    labels = row.runs[0].settings.get("dataset.labels_per_class")
    return [
        figure
        | {
            "value": figure["value"] / (figure.get("scale") or 1),
            "error": (figure.get("error") or 0) / (figure.get("scale") or 1),
        }
        for figure in paper_results(row.paper)
        if figure["metric"] == column.metric and figure.get("labels_per_class") in (None, labels)
    ]


def _mark_best(cells: list[Cell], column: Column, all_cells: list[list[Cell]], position: int) -> None:
    """The best mean of finished rows, where there is more than one and it is known which way is better."""
    means = [c.estimate.mean * column.sign if c.estimate and c.finished else -np.inf for c in cells]
    if column.sign and sum(np.isfinite(means)) > 1:
        best = int(np.argmax(means))
        all_cells[best][position] = replace(cells[best], best=True)


def _add_effects(results: Results, config: ReportConfig) -> None:
    """A full factorial's analysis of variance; for anything less, differences from the reference row."""
    table, column = results.table, results.primary
    if column is None or len(table.rows) < 2:
        return
    usable = [row for row in table.rows if row.finished and values_of(row, column)[0]]
    factors = [factor_words(key, table.factors) for key in table.factors]
    missing, total = missing_combinations([row.levels for row in table.rows])
    crossed = 2 <= len(factors) <= MAX_FACTORS and missing < total / 2 and total >= 4
    if crossed and not missing_combinations([row.levels for row in usable])[0] and len(usable) == total:
        pairs = [(row.levels, value) for row in usable for value in values_of(row, column)[0]]
        results.factorial = analyse(
            factors, [pair[0] for pair in pairs], [pair[1] for pair in pairs], config.confidence
        )
        if results.factorial is not None:
            return
        results.notes.append(
            "factorial: one seed a combination and two factors leave nothing to estimate the error from"
        )
    elif crossed and total > 2 * len(factors):
        results.notes.append(
            f"factorial: {total - len(usable)} of {total} combinations of {', '.join(factors)} have no finished run "
            "yet; main effects are worked out once all have"
        )
    reference = reference_row(usable)
    if reference is None or (len(factors) == 1 and len(usable) > 2):  # of a scale's levels none is the reference
        return
    results.reference = reference
    base = values_of(reference, column)[0]
    found = [
        difference(row.label, values_of(row, column)[0], base, config.confidence)
        for row in usable
        if row is not reference
    ]
    corrected = holm([d.p for d in found])
    results.differences = [replace(d, p_holm=p) for d, p in zip(found, corrected, strict=True)]


def _add_ranks(results: Results, config: ReportConfig) -> None:
    """The order of rows that the paper names, by every metric that has a better end, against the paper's order."""
    named = [
        (row, figure)
        for row in results.rows
        if row.paper and row.paper.get("row") and (figure := single_figure(row)) is not None
    ]
    if len({(row.paper or {}).get("row") for row, _ in named}) < len(named):
        results.notes.append("rank order: several rows carry one name of the paper's, so there is none to compare")
        return
    for column in results.columns:
        ranked = [(row, figure) for row, figure in named if row.finished and values_of(row, column)[0]]
        if not column.sign or len({metric for _, (_, metric) in ranked}) != 1:
            continue
        ours = [[value * column.sign for value in values_of(row, column)[0]] for row, _ in ranked]
        paper = [value for _, (value, _) in ranked]
        found = rank_order(column.name, ours, paper, config.confidence, config.resamples)
        if found is not None:
            results.ranks.append(found)
            without = [row.label for row, figure in named if (row, figure) not in ranked]
            if without:
                results.notes.append(f"the order by {column.name} leaves out {_some(without)}: no finished value yet")


def single_figure(row: Row) -> tuple[float, str] | None:
    """The paper's figure that ranks this row, turned so that higher is better, and the metric that it is of."""
    for figure in paper_results(row.paper):
        sign = Column(figure["metric"], ()).sign
        if figure.get("ensemble") is None and sign:
            return figure["value"] * sign, figure["metric"]
    return None


def _add_notes(results: Results) -> None:
    table = results.table
    for metric, count in Counter(column.metric for column in table.columns).items():
        if count > 1:
            results.notes.append(
                f"{metric}: was measured in {count} ways (other numbers of images, splits or networks); "
                "each has a column of its own, and they are neither averaged nor compared"
            )
    results.notes += [f"{c.words}: {c.warning}" for c in table.columns if c.warning]
    unmeasured = [row.label for row in table.rows if row.finished and not any(run.metrics for run in row.finished)]
    if unmeasured:
        results.notes.append(f"{_some(unmeasured)}: finished, but nothing was measured")
    if not any(row.finished for row in table.rows):
        results.notes.append("no finished run yet: every value below is of runs under way, as far as they got")
    same: Counter[str] = Counter()
    for row, cells in zip(table.rows, results.cells, strict=True):
        for cell in cells:
            if cell.paper and not (row.paper or {}).get("row"):
                same[f"{cell.paper['metric']} {cell.paper['value']:g}"] += 1
    if any(count > 1 for count in same.values()):
        results.notes.append(
            "several rows stand beside one figure of the paper: it is of the experiment's own settings alone"
        )


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
