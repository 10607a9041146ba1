"""Streams that are closed, cut off or unable to write a letter fail no run; Ctrl-C is 130 from the first moment on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = ("technique=none", "metrics=none", "architecture.width=16", "architecture.generator_width=16")
SMALL += ("training.threads=1", "tracking.mode=disabled", "training.log_interval=1")
IN_SHELL = 'exec "$@"'
pytestmark = pytest.mark.integration


def ended(root: Path) -> dict[str, object]:
    (path,) = root.glob("outputs/*/*/summary.json")
    summary: dict[str, object] = json.loads(path.read_text())
    return summary


def wait_for_first_step(process: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in root.glob("outputs/*/*/metrics.jsonl")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", "0<&- >&- 2>&-", "2>/dev/full", ">/dev/full"])
def test_a_dead_stream_fails_no_run(redirection: str, command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = command(*SMALL, "training.steps=3")
    done = subprocess.run(["sh", "-c", f"{IN_SHELL} {redirection}", "sh", *line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ended(tmp_path)["status"] == "finished"


def test_a_reader_that_goes_away_hides_no_refusal() -> None:
    script = '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}'
    line = [sys.executable, "-m", "improved_gan", "no_such_key=1"]
    assert subprocess.run(["bash", "-c", script, "bash", *line]).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_a_whole_pipeline_stops_the_run_after_a_checkpoint(
    number: signal.Signals, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    line = command(*SMALL, "training.steps=100000")
    shell = 'trap : INT HUP; "$@" 2>&1 | cat > log; exit ${PIPESTATUS[0]}'  # it lives on, as a terminal's own does
    process = subprocess.Popen(["bash", "-c", shell, "bash", *line], start_new_session=True, cwd=tmp_path)
    wait_for_first_step(process, tmp_path)
    os.killpg(process.pid, number)
    assert process.wait(60) == 128 + number
    summary = ended(tmp_path)
    assert (summary["status"], summary["reason"]) == ("stopped", f"stopped by {number.name}")


def test_under_nohup_a_hangup_stops_nothing(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = command(*SMALL, "training.steps=40")
    process = subprocess.Popen(["sh", "-c", f'trap "" HUP; {IN_SHELL}', "sh", *line], stderr=subprocess.DEVNULL)
    wait_for_first_step(process, tmp_path)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0


@pytest.mark.parametrize("seconds", [0.6, 1.2, 2.5])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(
    seconds: float, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    process = subprocess.Popen(command(*SMALL, "training.steps=100000"), stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_letters_that_a_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "improved_gan", "job=report", f"run={tmp_path / 'größe'}"]
    done = subprocess.run(line, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert b"gr\\xf6\\xdfe" in done.stderr
