"""What a sweep costs is measured before anything is spent on it."""

from pathlib import Path

import pytest

from improved_gan.cli import run
from improved_gan.composing import compose_jobs
from improved_gan.sweep.planning import plan
from improved_gan.sweep.probing import kinds_of, probed


def test_jobs_that_differ_in_their_seeds_are_one_kind(tmp_path: Path) -> None:
    words = ["-m", "seed=1,2,3", "technique=none,our_methods", f"output_root={tmp_path}"]
    kinds = kinds_of(plan(compose_jobs(words)))
    assert {kind: len(jobs) for kind, jobs in kinds.items()} == {("technique=none",): 3, ("technique=our_methods",): 3}


def test_a_job_that_its_data_cannot_serve_says_why(tmp_path: Path) -> None:
    (job,) = plan(compose_jobs(["dataset.labels_per_class=5000", f"output_root={tmp_path}"]))
    assert "dataset.labels_per_class=5000" in probed(job).problem


def test_a_dry_run_of_a_fresh_sweep_tells_hours_and_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "out"
    words = ["-m", "seed=1,2", "training.steps=1000", "training.epochs=null", "device=cpu", f"output_root={root}"]
    assert run([*words, "sweep.dry_run=true"]) == 0
    *_, header, line, total, where = capsys.readouterr().out.splitlines()
    assert header.split()[:5] == ["jobs", "s/step", "steps", "h/job", "MiB/job"]
    jobs, seconds, steps, hours, memory = (float(word.replace(",", "")) for word in line.split()[:5])
    assert (jobs, steps) == (2, 1000) and 0 < seconds < 60 and memory > 50
    assert hours == pytest.approx(seconds * steps / 3600, rel=0.02)
    assert line.endswith("training.steps=1000 training.epochs=null device=cpu, on cpu")
    assert total.startswith("training takes about ") and " h, 1 concurrently" in total
    assert where.startswith(str(root)) and not root.exists()
