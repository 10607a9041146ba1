"""A run on points, end to end: nothing is rounded to bytes, and every job that reads a run takes it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import improved_gan
from improved_gan import cli

pytestmark = pytest.mark.integration
SETTINGS = ("dataset=ring", "architecture=toy_mlp", "objective=non_saturating", "technique=none", "metrics=points")
SETTINGS += ("training.steps=60", "metrics.step_interval=20", "training.threads=1", "device=cpu")
SETTINGS += ("tracking.mode=disabled", "training.sample_interval=30", "training.checkpoint_interval=20")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("points")
    line = [sys.executable, "-m", "improved_gan", *SETTINGS, f"output_root={root}"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def start(*arguments: str) -> tuple[int, str, str]:
        status = cli.run([*arguments, f"output_root={tmp_path}", "device=cpu"])
        return status, *capsys.readouterr()

    return start


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_modes_are_counted_as_training_goes_on(run: Path) -> None:
    counted = [line for line in lines(run) if "mode_counts" in line]
    assert [line["step"] for line in counted] == [20, 40, 60]
    for line in counted:
        assert len(line["mode_counts"]) == 8 and sum(line["mode_counts"]) == 2500
        share = np.array(line["mode_counts"]) / 2500
        assert line["mode_kl"] == pytest.approx(sum(p * np.log(8 * p) for p in share if p), abs=1e-9)
        assert 0 <= line["high_quality_fraction"] <= 1 and 0 <= line["modes_captured"] <= 8
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    assert set(metrics) == {"modes_captured", "modes_held", "high_quality_fraction", "mode_kl", "sliced_wasserstein"}
    assert metrics["mode_kl"]["value"] == counted[-1]["mode_kl"] and metrics["modes_captured"]["samples"] == 2500
    assert {path.name for path in (run / "samples").iterdir()} == {f"step_{n:06d}.png" for n in (0, 30, 60)}


def test_points_are_no_bytes_anywhere(run: Path, job: Any) -> None:
    loaded = improved_gan.load(run, device="cpu")
    points = loaded.sample(300)
    assert points.shape == (300, 2) and points.dtype == torch.float32
    with torch.no_grad():
        latents = loaded.pair.draw_latents(100, torch.Generator().manual_seed(0))
        with loaded.pair.generator_player.averaged():
            assert torch.equal(points[:100], loaded.generator(latents).flatten(1))
    assert (points != points.round()).any(dim=1).all()
    status, out, err = job("job=sample", f"run={run}", "sample.count=300")
    assert status == 0, err
    folder = Path(out.splitlines()[-1])
    with np.load(folder / "images.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["points"], points.numpy())
    assert (folder / "grid.png").is_file() and (folder / "interpolation.png").is_file()
    status, _, err = job("job=sample", f"run={run}", "sample.animation=true")
    assert status == 2 and "sample.animation=true: not supported with points" in err


def test_a_run_and_its_points_are_judged_alike(run: Path, job: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", points=improved_gan.load(run, device="cpu").sample(500, seed=1).numpy())
    found = []
    for arguments in ([f"images={run}"], [f"images={tmp_path / 'made.npz'}", "dataset=ring"]):
        status, out, err = job("job=evaluate", "metrics=points", "metrics.samples=500", *arguments)
        assert status == 0, err
        found.append(json.loads((Path(out.splitlines()[-1]) / "summary.json").read_text())["metrics"])
    for entry in found[0].values():  # a run's samples say how they were drawn, loose ones cannot
        assert (entry.pop("sampling_seed"), entry.pop("sampling_batch_size")) == (1, 100)
    assert found[0] == found[1] and set(found[0]) == {
        "modes_captured",
        "modes_held",
        "high_quality_fraction",
        "mode_kl",
        "sliced_wasserstein",
    }


def test_measures_of_images_give_way_to_those_of_points(run: Path, job: Any) -> None:
    status, out, err = job("job=evaluate", f"images={run}", "metrics.samples=500", "evaluate.name=paper")
    assert status == 0, err
    assert "points are no images" in err
    summary = json.loads((Path(out.splitlines()[-1]) / "summary.json").read_text())
    assert {"modes_captured", "modes_held", "high_quality_fraction", "mode_kl", "sliced_wasserstein"} <= set(
        summary["metrics"]
    )
    assert "inception_score" in summary["not_measured"]


def test_the_report_takes_runs_on_points(run: Path, job: Any) -> None:
    status, out, err = job("job=report", f"run={run.parent}")
    assert status == 0, err
    table = (Path(out.splitlines()[-1]) / "table.md").read_text()
    assert "high quality fraction" in table and "modes captured" in table


def test_wrong_points_end_in_one_line(job: Any, tmp_path: Path) -> None:
    made = {
        "bytes": {"images": np.zeros((3, 8, 8, 1), np.uint8)},
        "nan": {"points": np.full((3, 2), np.nan)},
        "flat": {"points": np.zeros(3)},
        "wide": {"points": np.zeros((3, 5))},
    }
    for name, arrays in made.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    wanted = ["job=evaluate", "dataset=ring", "metrics=points"]
    wrong = [
        ([*wanted, f"images={tmp_path / 'bytes.npz'}"], "must hold an array `points` (it holds images)"),
        ([*wanted, f"images={tmp_path / 'nan.npz'}"], "`points` must be finite"),
        ([*wanted, f"images={tmp_path / 'flat.npz'}"], "must be numbers (n, coordinates)"),
        ([*wanted, f"images={tmp_path / 'wide.npz'}"], "points of 5 coordinates, but dataset=ring holds points of 2"),
        ([*wanted, f"images={tmp_path}"], "must be an .npz with `points`"),
        (["job=evaluate", f"images={tmp_path / 'nan.npz'}"], "points require dataset=ring"),
    ]
    for arguments, words in wrong:
        status, out, err = job(*arguments)
        last = err.splitlines()[-1]
        assert status == 2 and out == "" and last.startswith("error: ") and words in last, (arguments, err)
