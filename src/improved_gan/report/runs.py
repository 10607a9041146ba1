"""What a run's folder says: config, summary, evaluations and log, each read as far as it can be read."""

import json
import math
import re
import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float64

from improved_gan.composing import migrated
from improved_gan.composing.migration import RENAMED_VALUES, migrated_summary, migrated_values
from improved_gan.metrics.registry import METRICS

CURVE_LINES = 200  # of metrics.jsonl that are read, at least, besides those that hold a metric
SAYS_NOTHING_OF_HOW = frozenset(
    {"warning", "std_over", "stderr_over"}
)  # words beside a value that its meaning doesn't depend on

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
Definition = tuple[tuple[str, Any], ...]  # all that a value depends on: values of unlike definitions are never averaged


@dataclass(frozen=True)
class Curve:
    """A logged value over steps, which increase."""

    steps: Float64[np.ndarray, " point"]
    values: Float64[np.ndarray, " point"]


@dataclass
class Run:
    """One run; `name` is its path below the folder that is reported on."""

    folder: Path
    name: str
    settings: dict[str, Any]  # the resolved config, flat: "technique.label_smoothing.enabled" -> True
    status: str = "unknown"  # finished, running, stopped, failed; unknown: summary.json is missing or damaged
    paper: dict[str, Any] | None = None
    step: int | None = None
    total_steps: int | None = None
    reason: str = ""
    diagnosis: str = ""  # its label; empty: too short to tell
    scaled: str = ""  # the name of the budget that made it smaller than its experiment
    experiment: str = ""
    overrides: list[str] | None = None
    seconds: float | None = None
    costs: dict[str, Any] = field(default_factory=dict)  # operations, pace and memory, of finished runs
    checksum: str | None = None  # of the data that it was trained on
    metrics: dict[tuple[str, Definition], float] = field(default_factory=dict)
    warnings: dict[tuple[str, Definition], str] = field(default_factory=dict)  # of values not to be relied upon
    curves: dict[str, Curve] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    silent_for: float = 0.0  # seconds since anything was written
    problems: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.status == "finished"


def read_run(folder: Path, name: str) -> Run:
    """The run in `folder`; raises `OSError`, `ValueError` or `YAMLError` where its config.yaml cannot be read."""
    stored = yaml.load((folder / "config.yaml").read_bytes(), Loader=Loader)
    if not isinstance(stored, dict) or not isinstance(stored.get("dataset"), dict):
        raise ValueError("it is no config of a run")
    stored = migrated(stored)
    paper = stored.pop("paper", None)
    run = Run(folder, name, settings=dict(flat(stored)), paper=paper if isinstance(paper, dict) else None)
    _read_summary(run)
    _read_metrics(run)
    return run


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and plain values; a list becomes a tuple, so that values can be compared and hashed."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _hashable(value)


def _hashable(value: Any) -> Hashable:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _read_summary(run: Run) -> None:
    path = run.folder / "summary.json"
    try:
        summary = json.loads(path.read_bytes())
        if not isinstance(summary, dict):
            raise ValueError("it holds no object")
        summary = migrated_summary(summary)
        run.silent_for = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        run.problems.append("there is no summary.json: it has not begun, or its writing was cut off")
        return
    except (OSError, ValueError) as error:
        run.problems.append(f"summary.json cannot be read ({first_line(error)})")
        return
    run.status = str(summary.get("status") or "unknown")
    run.step, run.total_steps = _whole(summary.get("step")), _whole(summary.get("total_steps"))
    run.reason = str(summary.get("reason") or "")
    run.diagnosis = str(_object(summary.get("diagnosis")).get("label") or "")
    run.scaled = str(summary.get("budget") or "budget") if summary.get("scaled") else ""
    run.experiment = str(summary.get("experiment") or "")
    overrides = summary.get("overrides")
    run.overrides = [str(line) for line in overrides] if isinstance(overrides, list) else None
    run.environment = _object(summary.get("environment"))
    run.seconds = number_or_none(_object(summary.get("timing")).get("seconds"))
    run.costs = _object(summary.get("costs"))
    checksum = _object(summary.get("dataset")).get("checksum")
    run.checksum = None if checksum is None else str(checksum)
    _read_values(run, summary, "summary.json")
    for evaluated in sorted((run.folder / "evaluation").glob("*/summary.json"), key=lambda path: path.stat().st_mtime):
        where = evaluated.relative_to(run.folder).as_posix()
        try:
            found = migrated_summary(_object(json.loads(evaluated.read_bytes())))
            step = _whole(_object(found.get("origin")).get("step"))
            if run.status != "running" and None not in (step, run.step) and step != run.step:  # a running one moves on
                run.problems.append(f"{where}: skipped, it evaluates step {step} of a run that is at step {run.step}")
                continue
            _read_values(run, found, where)
        except (OSError, ValueError) as error:
            run.problems.append(f"{where} cannot be read ({first_line(error)})")


def _read_values(run: Run, summary: Mapping[str, Any], where: str) -> None:
    for name, measured in _object(summary.get("metrics")).items():
        value = number_or_none(measured.get("value") if isinstance(measured, dict) else measured)
        if value is not None:
            key = name, definition_of(_object(measured))
            run.metrics[key] = value
            if isinstance(measured, dict) and measured.get("warning"):
                run.warnings[key] = str(measured["warning"])
        else:
            run.problems.append(f"{where}: {name} is NaN or infinite; skipped")


def definition_of(measured: Mapping[str, Any]) -> Definition:
    """What a value depends on (how many images, which split, network, reference set), without results."""
    words = {k: v for k, v in measured.items() if isinstance(v, (str, bool)) and k not in SAYS_NOTHING_OF_HOW}
    counts = {
        k: v for k, v in measured.items() if isinstance(v, int) and ("samples" in k or k in ("splits", "subsets"))
    }
    return tuple(sorted((words | counts).items()))


def _read_metrics(run: Run) -> None:
    path = run.folder / "metrics.jsonl"
    try:
        lines = path.read_bytes().split(b"\n")
        run.silent_for = min(run.silent_for or np.inf, time.time() - path.stat().st_mtime)
    except OSError:
        return
    broken = sum(1 for line in lines if line and not line.endswith(b"}"))
    if broken and run.status == "running" and lines[-1]:
        broken -= 1  # it is being written right now
    stride = max(1, len(lines) // CURVE_LINES)
    metrics = {*METRICS, *(name for name, _ in run.metrics)}
    logged = sorted({*metrics, *RENAMED_VALUES})
    wanted = re.compile(b'"(%s)"' % b"|".join(re.escape(name.encode()) for name in logged))
    points: dict[str, dict[float, float]] = {}
    for number, line in enumerate(lines):
        kept = number % stride == 0 or number >= len(lines) - 2 or wanted.search(line)
        if not kept or not line.endswith(b"}"):
            continue
        try:
            values = migrated_values(json.loads(line))
            step = float(values["step"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            broken += 1
            continue
        for name in values:
            value = number_or_none(values[name]) if name in metrics or name.endswith("_loss") else None
            if value is not None:
                points.setdefault(name, {})[step] = value  # a step that was logged twice: the later line counts
    for name, found in points.items():
        steps = sorted(found)
        run.curves[name] = Curve(np.array(steps), np.array([found[step] for step in steps], dtype=np.float64))
    if broken:
        run.problems.append(f"metrics.jsonl: {broken} line{'s' * (broken > 1)} half-written or damaged, skipped")


def number_or_none(value: Any) -> float | None:
    """`value` as a float if it is a finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
