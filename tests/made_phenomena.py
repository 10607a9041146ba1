"""Run folders of a phenomenon's experiment, made without training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from improved_gan.composing import compose_jobs
from improved_gan.run_folder import RunFolder


def make_run(
    root: Path,
    experiment: str,
    overrides: Sequence[str],
    metrics: Mapping[str, float],
    log: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """A finished run below `root` with these final `metrics` and lines of metrics.jsonl."""
    (request,) = compose_jobs([f"experiment=phenomenon/{experiment}", *overrides])
    folder = RunFolder(root / f"{request.name}-{request.digest}")
    folder.path.mkdir()
    folder.write_config(request.config)
    assert request.experiment == f"phenomenon/{experiment}"
    measured = {name: {"value": value, "samples": 100} for name, value in metrics.items()}
    folder.write_summary(
        {
            "status": "finished",
            "seed": request.config.seed,
            "overrides": list(overrides),
            "metrics": measured,
            "timing": {"seconds": 90.0},
        }
    )
    (folder.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    return folder.path
