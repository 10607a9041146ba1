"""A signal at the worst moment: between the decision to save and the decision to stop."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from improved_gan.cli import run
from improved_gan.run_folder import RunFolder

SMALL = ("technique=none", "metrics=none", "architecture.width=16", "architecture.generator_width=16")
SMALL += ("training.steps=50", "training.threads=1", "training.log_interval=1", "tracking.mode=disabled")


@pytest.mark.integration
def test_a_signal_while_a_step_is_reported_still_leaves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = RunFolder.append_metrics

    def interrupted(folder: RunFolder, values: dict[str, Any]) -> None:
        append(folder, values)
        if values["step"] == 5:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunFolder, "append_metrics", interrupted)
    assert run([*SMALL, f"output_root={tmp_path}"]) == 128 + signal.SIGTERM
    (path,) = tmp_path.glob("*/*/summary.json")
    summary = json.loads(path.read_text())
    assert (summary["status"], summary["step"]) == ("stopped", 6)
    assert (path.parent / "checkpoints" / "step_000006.pt").is_file()
