"""A signal at the worst moment: between the decision to save and the decision to stop."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from improved_gan.cli import run
from improved_gan.run_folder import RunFolder
from improved_gan.training.trainer import Trainer

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_first_step_leaves_a_stopped_run(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise = Trainer.initialise
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "initialise", lambda trainer: signal.raise_signal(number))
        assert run([*SMALL, f"output_root={tmp_path}"]) == 128 + number
    (path,) = tmp_path.glob("*/*/summary.json")
    summary = json.loads(path.read_text())
    assert (summary["status"], summary["step"]) == ("stopped", 0)
    assert summary["reason"] == f"stopped by {number.name}"
    assert signal.getsignal(number) is signal.SIG_DFL
    assert Trainer.initialise is initialise
    assert run([*SMALL, "training.steps=2", f"output_root={tmp_path / 'other'}"]) == 0


def test_a_signal_before_a_run_goes_on_leaves_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [*SMALL, f"output_root={tmp_path}"]
    assert run([*asked, "training.steps=2"]) == 0
    (path,) = tmp_path.glob("*/*/summary.json")
    path.write_text(path.read_text().replace('"finished"', '"stopped"'))
    monkeypatch.setattr(Trainer, "load_state_dict", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert run([*asked, "training.steps=2"]) == 128 + signal.SIGTERM
    summary = json.loads(path.read_text())
    assert (summary["status"], summary["step"], summary["reason"]) == ("stopped", 2, "stopped by SIGTERM")


def test_a_signal_before_there_is_a_folder_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improved_gan.dataset.load", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert run([*SMALL, f"output_root={tmp_path}"]) == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())
