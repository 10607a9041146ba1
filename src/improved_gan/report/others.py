"""What other publications print for the task of a table, best first: to stand below ours and the paper's."""

from collections.abc import Sequence
from typing import Any

from improved_gan.report.columns import published_results
from improved_gan.report.runs import Run


def others_of(runs: Sequence[Run]) -> list[dict[str, str]]:
    """A line per method that the runs' experiments name for their data and number of labels, each named once."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in runs:
        if (run.paper or {}).get("dataset") != run.settings.get("dataset.name"):
            continue
        for other in published_results(run.paper, "others"):
            if other.get("labels_per_class") in (None, run.settings.get("dataset.labels_per_class")):
                found.setdefault((other.get("method"), other["metric"], other.get("labels_per_class")), other)
    ordered = sorted(
        found.values(), key=lambda other: (str(other["metric"]), other["value"] / (other.get("scale") or 1))
    )
    return [
        {
            "method": str(other.get("method", "")),
            "metric": _metric_title(other),
            "value": f"{other['value']:.5g}" + (f" ± {other['error']:.3g}" if other.get("error") else ""),
            "labels a class": str(other.get("labels_per_class") or "any"),
            "source": f"{other.get('source', '')}, {other.get('year', '')}",
        }
        for other in ordered
    ]


def _metric_title(other: dict[str, Any]) -> str:
    scale, words = other.get("scale") or 1, str(other["metric"]).replace("_", " ")
    return f"{words}, %" if scale == 100 else f"{words}, of {scale:,.0f}" if scale != 1 else words
