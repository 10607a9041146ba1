"""Multiruns that train: stopped, killed and repeated, one by one and several at once."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from offline_log import offline_logs, read_offline_log

from improved_gan.cli import run

SMALL = ("-m", "training.threads=1", "device=cpu", "architecture.width=16", "architecture.generator_width=16")
SMALL += (
    "metrics.names=[test_error]",
    "training.checkpoint_interval=10",
    "training.log_interval=10",
    "training.sample_interval=1000",
)
UNTRACKED = "tracking.mode=disabled"
TWO_AT_ONCE = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
pytestmark = pytest.mark.integration


def finish(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, timeout=300)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Start a command in a process group of its own; what is left of it at the end is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(line: list[str]) -> subprocess.Popen[str]:
        with open(tmp_path / "begun.log", "w") as log:
            begun.append(subprocess.Popen(line, stdout=log, stderr=log, text=True, start_new_session=True))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def summaries(root: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in root.glob("*/summary.json")}


def wait_until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def half_way(root: Path, finished: int) -> Callable[[], bool]:
    """Whether that many runs are finished and another one has a checkpoint."""

    def reached() -> bool:
        found = summaries(root)
        done = [name for name, summary in found.items() if summary["status"] == "finished"]
        begun = [name for name in found if name not in done and list(root.glob(f"{name}/checkpoints/step_*.pt"))]
        return len(done) >= finished and bool(begun)

    return reached


def results(root: Path) -> dict[str, Any]:
    """All that training decided: the scores, every logged number but the speed, and the final logits."""
    found = {}
    for name, summary in summaries(root).items():
        lines = [json.loads(line) for line in (root / name / "metrics.jsonl").read_text().splitlines()]
        numbers = [{key: line[key] for key in line if key != "images_per_second"} for line in lines]
        logits = np.load(root / name / "test_logits.npz", allow_pickle=False)["logits"]
        found[name] = (summary["status"], summary["metrics"], numbers, logits.tobytes())
    return found


def test_a_killed_sweep_that_is_repeated_gives_the_same_results(
    command: Callable[..., list[str]], begin: Callable[[list[str]], subprocess.Popen[str]], tmp_path: Path
) -> None:
    settings = (*SMALL, UNTRACKED, "training.steps=90", "technique.label_smoothing.enabled=true,false", "seed=1,2")
    line, whole = command(*settings), tmp_path / "whole"
    folder = tmp_path / "outputs" / "default"
    killed = begin(line)
    wait_until(half_way(folder, finished=1))
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    before = summaries(folder)
    assert "running" in {summary["status"] for summary in before.values()}
    again = finish(line)
    assert again.returncode == 0, again.stderr
    assert "already finished" in again.stderr and "resuming at step" in again.stderr
    done = finish([*line, f"output_root={whole}"])
    assert done.returncode == 0, done.stderr
    assert results(folder) == results(whole / "default")
    assert len(results(folder)) == 4
    tables = []
    for root in (folder, whole / "default"):
        assert run(["job=report", f"run={root}"]) == 0
        tables.append([(root / "report" / name).read_text() for name in ("table.md", "table.csv", "table.tex")])
    assert tables[0] == tables[1] and "4 finished" in tables[0][0]
    untouched = [name for name, summary in before.items() if summary["status"] == "finished"]
    assert all(summaries(folder)[name] == before[name] for name in untouched)


@pytest.mark.parametrize("launcher", [(), TWO_AT_ONCE], ids=["in turn", "two at once"])
def test_ctrl_c_stops_a_sweep_after_a_checkpoint(
    launcher: tuple[str, ...],
    command: Callable[..., list[str]],
    begin: Callable[[list[str]], subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    if launcher:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    line = command(*SMALL, UNTRACKED, "training.steps=100000", "seed=1,2,3,4", *launcher)
    folder = tmp_path / "outputs" / "default"
    sweep = begin(line)
    wait_until(half_way(folder, finished=0))
    if launcher:
        wait_until(lambda: len({path.parent for path in folder.glob("*/checkpoints/step_*.pt")}) == 2)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(timeout=60) == 130, (tmp_path / "begun.log").read_text()
    stopped = summaries(folder)
    assert len(stopped) == (2 if launcher else 1)
    for name, summary in stopped.items():
        assert (summary["status"], summary["reason"]) == ("stopped", "stopped by SIGINT")
        assert (folder / name / "checkpoints" / f"step_{summary['step']:06d}.pt").is_file()


def test_several_at_once_give_what_one_by_one_gives(command: Callable[..., list[str]], tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    line = command(*SMALL, "training.steps=20", "training.learning_rate=0.003,1e30", "seed=1,2")
    at_once = finish([*line, "tracking.mode=offline", *TWO_AT_ONCE])
    assert at_once.returncode == 1
    listed = [text for text in at_once.stderr.splitlines() if "failed with status 1: " in text]
    assert len(listed) == 2 and all("learning_rate=1e" in text and "by step 10" in text for text in listed)
    assert at_once.stdout.splitlines()[-1] == str(tmp_path / "outputs" / "default")
    assert list((tmp_path / "outputs").iterdir()) == [tmp_path / "outputs" / "default"]  # no file of the launcher's
    logs = [
        read_offline_log(path) for job in (tmp_path / "outputs" / "default").iterdir() for path in offline_logs(job)
    ]
    assert len(logs) == 4  # a tracked run a job, in one group
    (group,) = {log.group for log in logs}
    assert group.startswith("default-width_16-") and len(group) < 128
    in_turn = finish([*line, UNTRACKED, f"output_root={tmp_path / 'in_turn'}"])
    assert in_turn.returncode == 1
    finished = [name for name, s in summaries(tmp_path / "in_turn" / "default").items() if s["status"] == "finished"]
    assert len(finished) == 2
    for name in finished:
        logits = [
            np.load(root / "default" / name / "test_logits.npz", allow_pickle=False)["logits"]
            for root in (tmp_path / "outputs", tmp_path / "in_turn")
        ]
        assert np.array_equal(*logits)


@pytest.mark.slow
def test_processes_that_submitit_starts_do_the_same(command: Callable[..., list[str]], tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    line = command(*SMALL, UNTRACKED, "training.steps=10", "seed=1,2", "hydra/launcher=submitit_local")
    done = finish(line)
    assert done.returncode == 0, done.stderr
    assert [s["status"] for s in summaries(tmp_path / "outputs" / "default").values()] == ["finished"] * 2
    assert finish(line).stderr.count("already finished") == 2
