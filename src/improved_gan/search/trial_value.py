"""What a finished run is worth by a metric: as training found it, or evaluated afterwards."""

import json
from pathlib import Path

from improved_gan.composing import compose_jobs
from improved_gan.job import job_named

EVALUATION = "search"  # the name of the evaluation that a search makes of a run


class NotMeasured(Exception):
    """The metric is unavailable for this run; the message says why."""


def value_of(folder: Path, metric: str, overrides: list[str]) -> float:
    """The run's value by `metric`; `overrides` are the request's own, of which evaluation takes what concerns it.

    Raises `NotMeasured` where there is none.
    """
    earlier = (folder / "summary.json", folder / "evaluation" / EVALUATION / "summary.json")
    run, evaluated = (json.loads(path.read_text()) if path.exists() else {} for path in earlier)
    for found in (run, evaluated if evaluated.get("origin", {}).get("step") == run.get("step") else {}):
        if metric in found.get("metrics", {}):
            return float(found["metrics"][metric]["value"])
    kept = [text for text in overrides if text.split("=")[0].split(".")[0] in ("metrics", "device", "data_root")]
    wanted = [text for text in kept if not text.startswith("metrics.names")]
    wanted += [f"images={json.dumps(str(folder))}", f"metrics.names=[{metric}]", f"evaluate.name={EVALUATION}"]
    job_named("evaluate")(compose_jobs(["job=evaluate", *wanted])[0])
    summary = json.loads(earlier[1].read_text())
    if metric not in summary["metrics"]:
        raise NotMeasured(f"{metric}: {summary.get('not_measured', {}).get(metric, 'not measured')}")
    return float(summary["metrics"][metric]["value"])
