"""The columns of a table: a metric with all that its value depends on, and how its values are written."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from improved_gan.metrics.registry import METRICS
from improved_gan.report.runs import Definition, Run


@dataclass(frozen=True)
class Column:
    """A metric under one definition; values are shown times `scale` (1 a score, 100 %, 10000 errors of 10,000)."""

    metric: str
    definition: Definition
    scale: float = 1.0
    told_apart_by: str = ""  # what differs from another column of the same metric
    warning: str = ""  # "unreliable: 500 images for 2048 features"

    @property
    def title(self) -> str:
        """With the unit."""
        return self.name + ("" if self.scale == 1 else ", %" if self.scale == 100 else f", errors of {self.scale:,.0f}")

    @property
    def name(self) -> str:
        """Without; where values are not to be relied upon, that is part of it, and so stands wherever they do."""
        marks = filter(None, (self.told_apart_by, self.warning.partition(":")[0]))
        return self.words + "".join(f" ({mark})" for mark in marks)

    @property
    def words(self) -> str:
        """The metric's name as it is written in a sentence."""
        return self.metric.replace("_", " ").replace("frechet", "Fréchet")

    @property
    def better(self) -> str:
        """Which values are better: "higher", "lower", or "" if that is not known."""
        known = METRICS.get(self.metric)
        return known.better if known and known.better in ("higher", "lower") else ""

    @property
    def sign(self) -> float:
        """Times this, a higher value is a better one (0: not known)."""
        return {"higher": 1.0, "lower": -1.0}.get(self.better, 0.0)

    def value_of(self, run: Run) -> float | None:
        """The run's value by this metric and definition; of an unfinished run also the last one that it logged."""
        if (self.metric, self.definition) in run.metrics:
            return run.metrics[self.metric, self.definition]
        if not run.finished and self.metric in run.curves and not self.told_apart_by:
            return float(run.curves[self.metric].values[-1])
        return None


def columns_of(runs: Sequence[Run], first: str | None) -> list[Column]:
    """Every metric and definition among `runs`: `first` or the paper's metric, then in the order of `METRICS`."""
    found = Counter(key for run in runs for key in run.metrics)
    for name in {name for run in runs if not run.finished for name in run.curves if name in METRICS}:
        if not any(metric == name for metric, _ in found):
            found[name, ()] = 1
    figures = [figure for run in runs for figure in paper_results(run.paper)]
    known = [*([first] if first else []), *(figure["metric"] for figure in figures), *METRICS]
    warnings = {key: words for run in runs for key, words in run.warnings.items()}
    units = {figure["metric"]: float(figure.get("scale") or 1) for figure in figures}
    columns = []
    for metric, definition in sorted(
        found, key=lambda pair: (known.index(pair[0]) if pair[0] in known else len(known), pair[0], -found[pair])
    ):
        others = [dict(d) for name, d in found if name == metric and d != definition]
        marks = [
            f"{k.replace('_', ' ')} {dict(definition).get(k, 'not said')}"
            for k in dict.fromkeys(k for d in [dict(definition), *others] for k in d)
            if any(d.get(k) != dict(definition).get(k) for d in others)
        ]
        unit, warning = _unit(metric, definition, units), warnings.get((metric, definition), "")
        columns.append(Column(metric, definition, unit, ", ".join(marks), warning))
    return columns


def _unit(metric: str, definition: Definition, units: dict[str, float]) -> float:
    """The paper's unit where the value is of as many images, else per cent for shares of errors, else none."""
    scale = units.get(metric, 1.0)
    counted = scale not in (1.0, 100.0)
    if counted and dict(definition).get("samples") != scale:
        return 100.0
    return scale if scale != 1.0 else 100.0 if metric.endswith("_error") else 1.0


def paper_results(paper: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The well-formed figures of a `paper` node."""
    return published_results(paper, "results")


def published_results(paper: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    """The well-formed entries of a list in a `paper` node."""
    figures = (paper or {}).get(name) or []
    return [
        figure
        for figure in (figures if isinstance(figures, (list, tuple)) else [])
        if isinstance(figure, dict) and isinstance(figure.get("value"), (int, float)) and "metric" in figure
    ]


def decimals(spread: float | None, value: float) -> int:
    """Digits behind the point: two significant ones of the spread, or four of the value where there is none."""
    scale = spread if spread and math.isfinite(spread) else abs(value) / 100
    return max(0, 1 - math.floor(math.log10(scale))) if scale > 0 else 2


def written(value: float, spread: float | None = None, digits: int | None = None) -> str:
    """`value ± spread`, with `digits` behind the point or as many as the spread makes sensible."""
    digits = min(decimals(spread, value), 6) if digits is None else digits
    return f"{value:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread is not None else "")
