"""A run that is killed, stopped or damaged goes on as if nothing had happened: the final weights agree bit for bit."""

import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.layers import noise
from improved_gan.training.trainer import Trainer

# Every part that has a state: noise, dropout-free digits, all five techniques' memories, averages, both sets of labels.
SETTINGS = (
    "technique=our_methods",
    "technique.historical_averaging.enabled=true",
    "architecture.width=16",
    "architecture.generator_width=16",
    "technique.minibatch_discrimination.kernels=10",
    "training.batch_size=32",
    "training.steps=200",
    "training.checkpoint_interval=7",
    "training.sample_interval=50",
    "training.threads=1",
    "device=cpu",
    "tracking.mode=disabled",
)
pytestmark = pytest.mark.integration


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(arguments: list[str]) -> Path:
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def final_state(folder: Path) -> dict[str, Any]:
    newest = max((folder / "checkpoints").glob("step_*.pt"))
    return torch.load(newest, weights_only=True)


def assert_same(left: Any, right: Any, where: str = "state") -> None:
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            if key not in ("seconds", "tracking_run"):
                assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list):
        assert len(left) == len(right), where
        for number, pair in enumerate(zip(left, right, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    else:
        assert left == right, where


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("uninterrupted")
    return finish([sys.executable, "-m", "improved_gan", *SETTINGS, f"output_root={root}"])


def test_killed_ten_times_the_weights_are_the_same(uninterrupted: Path, command: Callable[..., list[str]]) -> None:
    """SIGKILL at random moments, from the first import to the last step, and the same command again."""
    moments, kills = random.Random(0), 0
    line = command(*SETTINGS)
    whole = json.loads((uninterrupted / "summary.json").read_text())["timing"]["seconds"]
    while True:
        process = start(line)
        delay = moments.uniform(1.5, 5 + whole)
        try:
            out, err = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            assert kills < 200, "no run ever gets to its end"
            continue
        assert process.returncode == 0, err
        folder = Path(out.splitlines()[-1])
        if kills >= 10:
            break
        # Too quick: take the end away and go on killing.
        (folder / "summary.json").unlink()
        for checkpoint in (folder / "checkpoints").glob("*.pt"):
            checkpoint.unlink()
    assert_same(final_state(uninterrupted), final_state(folder))
    drop = {"images_per_second"}
    lines = [
        [{k: v for k, v in json.loads(line).items() if k not in drop} for line in (f / "metrics.jsonl").open()]
        for f in (uninterrupted, folder)
    ]
    assert lines[0] == lines[1]


def test_noise_that_is_drawn_at_once_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    normals = noise.normals
    monkeypatch.setattr(noise, "normals", lambda count, device: drawn.append(count) or normals(count, device))
    (request,) = compose_jobs([*SETTINGS, "architecture.width=512"])
    digits = dataset.load(request.config.dataset, Path("nowhere"))
    whole, resumed = Trainer(request.config, digits), Trainer(request.config, digits)
    whole.initialise()
    for _ in range(2):
        whole.advance()
    stored = copy.deepcopy(whole.state_dict())
    for _ in range(2):
        whole.advance()
    torch.manual_seed(7)
    resumed.load_state_dict(stored)
    for _ in range(2):
        resumed.advance()
    assert drawn
    assert_same(whole.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_and_its_status(
    number: signal.Signals, uninterrupted: Path, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    process = start(command(*SETTINGS))
    deadline = time.monotonic() + 60
    while not list((tmp_path / "outputs").glob("*/*/checkpoints/step_*.pt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    (summary_path,) = (tmp_path / "outputs").glob("*/*/summary.json")
    summary = json.loads(summary_path.read_text())
    assert summary["status"] == "stopped"
    assert (summary_path.parent / "checkpoints" / f"step_{summary['step']:06d}.pt").exists()
    assert_same(final_state(uninterrupted), final_state(finish(command(*SETTINGS))))


@pytest.mark.parametrize("damage", ["cut off", "one bit", "another file"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    damage: str, uninterrupted: Path, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    line = command(*SETTINGS)
    folder = tmp_path / "outputs" / "default" / uninterrupted.name
    shutil.copytree(uninterrupted, folder)
    _, newest = sorted((folder / "checkpoints").glob("step_*.pt"))
    content = bytearray(newest.read_bytes())
    if damage == "cut off":
        newest.write_bytes(content[:1000])
    elif damage == "one bit":
        content[len(content) // 2] ^= 1  # in the numbers, where torch.load sees nothing wrong
        newest.write_bytes(content)
    else:
        torch.save({"weights": torch.zeros(3)}, newest)
    (folder / "summary.json").unlink()
    with (folder / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"epoch": 3}\n[1, 2]\n{"step": 201, "discr')
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "damaged" in done.stderr and newest.name in done.stderr
    assert_same(final_state(uninterrupted), final_state(folder))


def test_a_finished_run_is_left_alone(uninterrupted: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("*") if path.is_file()}
    again = finish([sys.executable, "-m", "improved_gan", *SETTINGS, f"output_root={uninterrupted.parents[1]}"])
    assert again == uninterrupted
    assert {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("*") if path.is_file()} == before


def test_the_second_process_on_a_folder_exits_2(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = [*command(*SETTINGS), "training.steps=100000"]
    first = start(line)
    while not list((tmp_path / "outputs").glob("*/*/metrics.jsonl")):
        assert first.poll() is None
        time.sleep(0.05)
    second = subprocess.run(line, capture_output=True, text=True)
    first.kill()
    first.communicate()
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1].startswith("error: ")
    assert "another process" in second.stderr


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_last_good_checkpoint(
    command: Callable[..., list[str]],
) -> None:
    line = command(
        *SETTINGS, "training.learning_rate=1e30", "training.log_interval=1", "training.checkpoint_interval=1"
    )
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "checkpoint" in done.stderr.splitlines()[-1]


def test_the_environment_decides_nothing(uninterrupted: Path, command: Callable[..., list[str]]) -> None:
    line = command(*SETTINGS)
    environment = {**os.environ, "PYTHONHASHSEED": "123", "LC_ALL": "C"}
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert_same(final_state(uninterrupted), final_state(Path(done.stdout.splitlines()[-1])))
