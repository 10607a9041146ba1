"""A run in two processes that torchrun starts: one folder, one end, whoever is stopped, killed or at fault."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from improved_gan.cli import run

SETTINGS = ("technique=our_methods", "metrics=none", "architecture.width=16", "architecture.generator_width=16")
SETTINGS += ("technique.minibatch_discrimination.kernels=10", "training.batch_size=32", "training.threads=1")
SETTINGS += ("training.checkpoint_interval=5", "device=cpu", "tracking.mode=disabled")


def by_torchrun(line: list[str], processes: int = 2) -> list[str]:
    return [line[0], "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *line[1:]]


def after_a_checkpoint(line: list[str], outputs: Path) -> subprocess.Popen[str]:
    """The command, begun, with a checkpoint written."""
    started = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(outputs.glob("*/*/checkpoints/step_*.pt")):
        assert started.poll() is None
        time.sleep(0.05)
    return started


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Their process numbers, in order of rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    by_rank = {}
    for child in map(int, children):
        rank = re.search(rb"\0RANK=(\d+)\0", b"\0" + Path(f"/proc/{child}/environ").read_bytes())
        if rank:
            by_rank[int(rank[1])] = child
    return [by_rank[rank] for rank in sorted(by_rank)]


def summary_in(outputs: Path) -> dict[str, Any]:
    (path,) = outputs.glob("*/*/summary.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.integration
def test_two_processes_score_what_one_scores(command: Callable[..., list[str]], tmp_path: Path) -> None:
    """Without a step that rounds otherwise: both processes draw, and no batch is lost or out of order."""
    settings = (*SETTINGS, "training.steps=1", "training.learning_rate=1e-12", "training.generator_ema.decay=null")
    settings = (*settings, "metrics=quick", "metrics.names=[frechet_classifier_distance,birthday_test]")
    settings = (*settings, "metrics.samples=200")
    done = subprocess.run(by_torchrun(command(*settings)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert run([*settings, f"output_root={tmp_path / 'alone'}"]) == 0
    ours, alone = (summary_in(tmp_path / name)["metrics"] for name in ("outputs", "alone"))
    assert ours.keys() == alone.keys() == {"frechet_classifier_distance", "birthday_test"}
    for name, score in alone.items():
        assert ours[name]["samples"] == score["samples"] == 200
        assert ours[name]["value"] == pytest.approx(score["value"], rel=1e-4), name


@pytest.mark.integration
def test_two_processes_make_the_run_of_one(command: Callable[..., list[str]], tmp_path: Path) -> None:
    settings = (*SETTINGS, "training.steps=6", "training.log_interval=1", "training.learning_rate=1e-5")
    done = subprocess.run(by_torchrun(command(*settings)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    assert done.stdout.count(str(folder)) == 1 and summary_in(tmp_path / "outputs")["status"] == "finished"
    assert run([*settings, f"output_root={tmp_path / 'alone'}"]) == 0
    alone = tmp_path / "alone" / folder.relative_to(tmp_path / "outputs")
    lines, expected = ([json.loads(line) for line in (f / "metrics.jsonl").open()] for f in (folder, alone))
    assert len(lines) == len(expected) == 6
    for line, other in zip(lines, expected, strict=True):
        assert line.keys() == other.keys()
        for name in line.keys() - {"images_per_second"}:
            assert line[name] == pytest.approx(other[name], rel=1e-2, abs=1e-4), name


@pytest.mark.integration
@pytest.mark.parametrize(
    ("number", "whom"), [(signal.SIGTERM, "process 1"), (signal.SIGKILL, "process 1"), (signal.SIGTERM, "torchrun")]
)
def test_what_ends_one_process_ends_the_run_and_it_goes_on_in_one(
    number: signal.Signals, whom: str, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    line = command(*SETTINGS, "training.steps=300")
    started = after_a_checkpoint(by_torchrun(line), tmp_path / "outputs")
    os.kill(started.pid if whom == "torchrun" else workers_of(started)[1], number)
    told = time.monotonic()
    _, err = started.communicate(timeout=60)
    assert started.returncode != 0 and time.monotonic() - told < 60
    summary = summary_in(tmp_path / "outputs")
    if number == signal.SIGTERM:
        assert (summary["status"], summary["reason"]) == ("stopped", "stopped by SIGTERM")
    else:
        assert summary["status"] == "failed" and "another process of this run has ended" in summary["reason"]
        assert "error: another process" in err
    assert 0 < summary["step"] < 300
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resuming at step" in done.stderr and summary_in(tmp_path / "outputs")["status"] == "finished"


def weights_in(outputs: Path) -> dict[str, torch.Tensor]:
    """Both players', in the newest checkpoint of the one run there."""
    newest = max(outputs.glob("*/*/checkpoints/step_*.pt"))
    pair = torch.load(newest, weights_only=True)["pair"]
    players = ("generator", "discriminator")
    return {f"{player} {name}": value for player in players for name, value in pair[player]["network"].items()}


@pytest.mark.slow
@pytest.mark.integration
def test_one_of_four_killed_ends_the_rest_and_the_same_command_makes_the_same_weights(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    settings, outputs = (*SETTINGS, "training.steps=150"), tmp_path / "outputs"
    whole = by_torchrun([*command(*settings)[:-1], f"output_root={tmp_path / 'whole'}"], 4)
    assert subprocess.run(whole, capture_output=True, text=True).returncode == 0
    line = by_torchrun(command(*settings), 4)
    started = after_a_checkpoint(line, outputs)
    os.kill(workers_of(started)[2], signal.SIGKILL)
    told = time.monotonic()
    _, err = started.communicate(timeout=60)
    assert started.returncode == 1 and time.monotonic() - told < 60
    assert "error: another process of this run has ended" in err
    summary = summary_in(outputs)
    assert summary["status"] == "failed" and 0 < summary["step"] < 150
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0 and "resuming at step" in done.stderr, done.stderr
    expected, found = weights_in(tmp_path / "whole"), weights_in(outputs)
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


@pytest.mark.integration
def test_a_number_that_is_none_ends_both_with_its_reason(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = by_torchrun(command(*SETTINGS, "training.learning_rate=1e30", "training.log_interval=1"))
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "good checkpoint" in done.stderr or "no checkpoint yet" in done.stderr
    assert summary_in(tmp_path / "outputs")["status"] == "failed"


@pytest.mark.integration
def test_a_batch_that_cannot_be_shared_out_is_refused(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = by_torchrun(command(*SETTINGS, "training.batch_size=33"))
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: training.batch_size=33: 2 processes cannot share it out evenly; use a multiple of 2" in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("arguments", [["-m", "seed=1,2"], ["job=report"], ["job=prepare"]])
def test_torchrun_starts_training_alone(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"), "120hp", strict=True):
        monkeypatch.setenv(name, value)
    assert run(arguments) == 2
    assert "takes one process; start it without torchrun" in capsys.readouterr().err
