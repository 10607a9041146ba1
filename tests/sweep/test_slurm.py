"""A sweep on a real Slurm of one node: two jobs at once, pushed out by an urgent one, put back and gone on with."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_node import missing, slurm_node

pytestmark = [pytest.mark.slow, pytest.mark.integration]
STEPS = 1500
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> Iterator[dict[str, str]]:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    if missing():
        pytest.skip(missing())
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # munged, another user, must get in
        with slurm_node(Path(folder), cores=2) as environment:
            yield environment


def summaries(root: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(root.glob("*/summary.json"))]


def begin_sweep(
    cluster: dict[str, str], tmp_path: Path, *arguments: str, tasks: int = 1
) -> tuple[list[str], subprocess.Popen[bytes]]:
    """The command line of a multirun of small jobs through sweep.sh, and it begun; what it says is in sweep.log."""
    line = [str(REPOSITORY / "scripts" / "slurm" / "sweep.sh"), *arguments, f"output_root={tmp_path / 'outputs'}"]
    line += [f"training.steps={STEPS}", "training.checkpoint_interval=1000000", "training.log_interval=10"]
    line += ["architecture.width=16", "architecture.generator_width=16", "metrics.names=[test_error]"]
    line += ["training.threads=1", "tracking.mode=disabled", "device=cpu"]
    cluster |= {"PARTITION": "main", "CPUS": "1", "TASKS": str(tasks), "MINUTES": "60", "MEMORY": "1"}
    cluster["PATH"] = f"{Path(sys.executable).parent}:{cluster['PATH']}"
    with open(tmp_path / "sweep.log", "w") as log:
        return line, subprocess.Popen(line, env=cluster, cwd=tmp_path, stdout=log, stderr=log)


def preempt(cluster: dict[str, str], tmp_path: Path, sweep: subprocess.Popen[bytes], runs: int) -> None:
    """Once every run has logged something, an urgent job takes the whole node for a second."""
    root, end = tmp_path / "outputs" / "default", time.monotonic() + 300
    while len([path for path in root.glob("*/metrics.jsonl") if path.read_text()]) < runs:
        assert time.monotonic() < end and sweep.poll() is None, (tmp_path / "sweep.log").read_text()
        time.sleep(0.2)
    urgent = ["sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wait", "--wrap=sleep 1"]
    subprocess.run(urgent, env=cluster, cwd=tmp_path, check=True, timeout=120)


def test_jobs_run_are_preempted_requeued_and_finish(cluster: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "outputs" / "default"
    line, sweep = begin_sweep(cluster, tmp_path, "seed=1,2")
    try:
        preempt(cluster, tmp_path, sweep, runs=2)
        saved = [int(path.stem.split("_")[1]) for path in root.glob("*/checkpoints/step_*.pt")]
        assert len(saved) == 2 and all(0 < step < STEPS for step in saved)  # by the preemption, by nothing else
        assert sweep.wait(timeout=900) == 0, (tmp_path / "sweep.log").read_text()
    finally:
        if sweep.poll() is None:
            sweep.kill()
            sweep.wait()
    assert [(s["status"], s["step"]) for s in summaries(root)] == [("finished", STEPS)] * 2
    resumed = [path.read_text() for path in root.glob("*/log.txt")]
    assert all(any(f"resuming at step {step} of" in text for text in resumed) for step in saved)
    again = subprocess.run(line, env=cluster, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0 and again.stderr.count("already finished") == 2
    assert again.stdout.splitlines()[-1] == str(root)


def test_several_tasks_train_one_run_through_a_preemption(cluster: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "outputs" / "default"
    _, sweep = begin_sweep(cluster, tmp_path, "seed=1", tasks=2)
    try:
        preempt(cluster, tmp_path, sweep, runs=1)
        (saved,) = [int(path.stem.split("_")[1]) for path in root.glob("*/checkpoints/step_*.pt")]
        assert 0 < saved < STEPS
        assert sweep.wait(timeout=900) == 0, (tmp_path / "sweep.log").read_text()
    finally:
        if sweep.poll() is None:
            sweep.kill()
            sweep.wait()
    (summary,) = summaries(root)
    assert (summary["status"], summary["step"]) == ("finished", STEPS)
    assert isinstance(summary["environment"], dict) and summary["environment"]["processes"] == 2
    (log,) = root.glob("*/log.txt")
    assert f"resuming at step {saved} of {STEPS}" in log.read_text()
