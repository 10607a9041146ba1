"""Table 3's row "Real data": a run that trains nothing and judges the training images."""

import json
from pathlib import Path

import pytest

from improved_gan.cli import run

ROW = ["experiment=digits_table3", "ablation=real_data", "device=cpu", "tracking.mode=disabled"]
pytestmark = pytest.mark.integration


def test_the_training_images_score_as_real_ones_and_stand_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*ROW, "metrics.names=[classifier_score]", f"output_root={tmp_path}"]
    assert run(asked) == 0
    folder = Path(capsys.readouterr().out.splitlines()[-1])
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], summary["step"]) == ("finished", 0) and not (folder / "checkpoints").exists()
    assert summary["metrics"]["classifier_score"]["value"] > 9  # of at most 10
    assert summary["metrics"]["classifier_score"]["samples"] == 1437
    before = (folder / "summary.json").stat().st_mtime_ns
    assert run(asked) == 0 and (folder / "summary.json").stat().st_mtime_ns == before  # finished
    capsys.readouterr()
    assert run(["job=report", "experiment=digits_table3", f"output_root={tmp_path}"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| Real data")]
    assert "9." in row and "11.24 ± 0.12" in row


@pytest.mark.parametrize(
    ("metric", "words"),
    [("test_error", "asks a run's discriminator"), ("frechet_classifier_distance", "metrics.reference_split=test")],
)
def test_what_real_data_cannot_be_asked_is_said(
    metric: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ROW, f"metrics.names=[{metric}]", f"output_root={tmp_path}"]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.rglob("config.yaml"))
