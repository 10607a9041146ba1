"""Do people follow the scores? How often each generator fools people, against each of its scores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from improved_gan.human_study.design import REAL
from improved_gan.human_study.statistics import interval, resampling
from improved_gan.human_study.storage import Answer
from improved_gan.report.columns import columns_of
from improved_gan.report.rank_correlation import p_value, spearman_rho
from improved_gan.report.runs import Run, definition_of, number_or_none, read_run

FEWEST = 4  # generators that a rank correlation takes


@dataclass(frozen=True)
class Correlation:
    """Of how often a generator's images are called real with a score, turned so that 1 is "better scores fool more"."""

    score: str
    values: dict[str, float]  # by generator
    fooled: dict[str, float]
    spearman: float
    low: float | None
    high: float | None
    p: float  # one-sided, against chance


def correlations(
    kept: Sequence[Answer], runs: Sequence[Run], confidence: float, resamples: int
) -> tuple[list[Correlation], str]:
    """The correlation with each score that `FEWEST` of the generators have, and in words why there are no more."""
    people = sorted({row.participant for row in kept})
    sources = sorted({row.source for row in kept} - {REAL})
    if len(sources) < FEWEST:
        return [], f"{len(sources)} generators; a rank correlation takes {FEWEST}"
    said = np.zeros((2, len(people), len(sources)))  # called real, judged
    for row in kept:
        if row.source != REAL and not row.repeat:
            place = people.index(row.participant), sources.index(row.source)
            said[0][place] += row.answer == REAL
            said[1][place] += 1
    rates = said[0].sum(0) / said[1].sum(0)
    drawn = None
    if len(people) > 1:
        weights = resampling(len(people), resamples)
        judged = weights @ said[1]
        drawn = np.divide(weights @ said[0], judged, out=np.broadcast_to(rates, judged.shape).copy(), where=judged > 0)
    found = []
    for column in columns_of(runs, None):
        known = {run.name: value for run in runs if (value := column.value_of(run)) is not None}
        places = [place for place, name in enumerate(sources) if name in known]
        scores = np.array([known[sources[place]] for place in places]) * (column.sign or 1.0)
        if len(places) < FEWEST or np.ptp(scores) == 0 or np.ptp(rates[places]) == 0:
            continue
        low = high = None
        if drawn is not None:
            low, high = interval(spearman_rho(drawn[:, places], scores), len(people), confidence)
        names = [sources[place] for place in places]
        values, fooled = {name: known[name] for name in names}, dict(zip(names, rates[places].tolist(), strict=True))
        value = float(spearman_rho(rates[places][None], scores)[0])
        found.append(Correlation(column.name, values, fooled, value, low, high, p_value(rates[places], scores)))
    return found, "" if found else f"no score is known of {FEWEST} generators; run job=evaluate on each"


def scored(sources: Mapping[str, str], output_root: Path) -> list[Run]:
    """What is known of each generator, by its name in the study: a run's own scores, else what job=evaluate found."""
    runs = []
    for name, path in sources.items():
        folder = Path(path)
        try:
            run = (
                read_run(folder, name) if (folder / "config.yaml").is_file() else _evaluated(folder, name, output_root)
            )
        except (OSError, ValueError, yaml.YAMLError):
            run = Run(folder, name, {})  # it was moved or damaged since: the study's answers stand without it
        runs.append(run)
    return runs


def _evaluated(path: Path, name: str, output_root: Path) -> Run:
    run = Run(path, name, {}, status="finished")
    for file in sorted((output_root / "evaluate").glob("*/summary.json"), key=lambda each: each.stat().st_mtime):
        summary: dict[str, Any] = json.loads(file.read_bytes())
        if summary.get("images") == str(path):
            for measure, entry in summary["metrics"].items():
                value = number_or_none(entry["value"])
                if value is not None:
                    run.metrics[measure, definition_of(entry)] = value
    return run
