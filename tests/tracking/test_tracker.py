"""Runs are written offline by the real client and read back from its files."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from offline_log import offline_logs, read_offline_log
from PIL import Image

from improved_gan.nodes import TrackingConfig
from improved_gan.tracking import Tracker, start_tracking, tracker

pytestmark = pytest.mark.integration  # each starts W&B's service

SETTINGS = {"seed": 3, "training": {"learning_rate": 3e-4, "steps": None}, "metrics": ["test_error"]}


def start(folder: Path, mode: str = "offline", **changes: Any) -> Tracker:
    config = TrackingConfig(mode=mode, project="improved-gan", entity=None, group=None)
    arguments = {
        "folder": folder,
        "name": "digits seed=3",
        "tags": ["feature_matching", "virtual_batch_norm"],
        "settings": SETTINGS,
        "run_id": None,
        "group": "sweep",
        "job_type": "train",
    }
    return start_tracking(config, **(arguments | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def picture(path: Path, value: int) -> bytes:
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)
    return path.read_bytes()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the user was told; the client's own records go to its debug.log."""
    assert all(record.levelname == "WARNING" for record in caplog.records if record.name == "improved_gan")
    return [record.getMessage() for record in caplog.records if record.name == "improved_gan"]


def service() -> int:
    """The id of the client's service process, a child of this one."""
    table = subprocess.run(
        ["ps", "-ww", "-o", "pid=,stat=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    ).stdout
    (found,) = [row.split() for row in table.splitlines() if "wandb-core" in row and row.split()[1][0] != "Z"]
    return int(found[0])


def test_what_is_logged_can_be_read_back(folder, capfd):
    environment, hooks = dict(os.environ), (sys.exit, sys.excepthook)
    run = start(folder)
    losses = {step: step / 7 for step in range(10, 200, 10)}
    for step, loss in losses.items():
        run.log(step, {"discriminator/loss": loss, "generator/loss": float("nan")})
    sample = picture(folder / "step_000190.png", 200)
    run.log_image(190, "samples", folder / "step_000190.png")
    (folder / "step_000190.png").unlink()
    checkpoint = folder / "best.pt"
    checkpoint.write_bytes(b"best")
    run.log_checkpoint(checkpoint, ["best"])
    checkpoint.write_bytes(b"final")
    run.log_checkpoint(checkpoint, ["final"])
    checkpoint.unlink()
    run.summarise({"status": "finished", "metrics": {"test_error": {"value": 0.04, "samples": 360}}})
    run.finish(0)
    run.finish(0)  # nothing happens

    (path,) = offline_logs(folder)
    logged = read_offline_log(path)
    assert run.run_id and (logged.run_id, logged.name, logged.exit_code) == (run.run_id, "digits seed=3", 0)
    assert (logged.project, logged.group, logged.job_type) == ("improved-gan", "sweep", "train")
    assert logged.tags == ["feature_matching", "virtual_batch_norm"]
    assert {key: value for key, value in logged.config.items() if key != "_wandb"} == SETTINGS
    assert logged.rows("discriminator/loss") == losses
    assert all(np.isnan(loss) for loss in logged.rows("generator/loss").values())
    (image,) = logged.rows("samples").items()
    assert image[0] == 190 and (path.parent / "files" / image[1]["path"]).read_bytes() == sample
    assert logged.summary["status"] == "finished"
    assert logged.summary["metrics"] == {"test_error": {"value": 0.04, "samples": 360}}
    assert [artifact.name for artifact in logged.artifacts] == [f"checkpoint-{run.run_id}"] * 2
    for artifact, alias in zip(logged.artifacts, ["best", "final"], strict=True):
        assert alias in artifact.aliases
        (copy,) = artifact.files.values()
        assert copy.read_bytes() == alias.encode() and copy.is_relative_to(folder / "wandb")

    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == environment and (sys.exit, sys.excepthook) == hooks


def test_all_files_lie_in_the_run_folder(folder):
    run = start(folder)
    (folder / "best.pt").write_bytes(b"best")
    run.log_checkpoint(folder / "best.pt", ["best"])
    run.finish(0)
    assert {path.name for path in folder.iterdir()} == {"wandb", "best.pt"}
    assert not any(Path.home().rglob("*"))  # the home folder and the working directory


def test_the_same_id_goes_on_at_the_next_step(folder):
    first = start(folder)
    for step in (10, 20, 30):
        first.log(step, {"loss": float(step)})
    first.finish(1)
    again = start(folder, run_id=first.run_id)
    assert again.run_id == first.run_id
    for step in (30, 40):  # from the checkpoint at step 20
        again.log(step, {"loss": step + 0.5})
    again.finish(0)
    logs = [read_offline_log(path) for path in offline_logs(folder)]
    assert [(log.run_id, log.exit_code) for log in logs] == [(first.run_id, 1), (first.run_id, 0)]
    assert [log.rows("loss") for log in logs] == [{10: 10, 20: 20, 30: 30}, {30: 30.5, 40: 40.5}]


def test_one_process_tracks_several_runs_each_in_its_folder(tmp_path):
    runs = []
    for seed in range(2):
        (tmp_path / str(seed)).mkdir()
        run = start(tmp_path / str(seed), settings={"seed": seed})
        run.log(1, {"loss": float(seed)})
        run.finish(0)
        runs.append(run)
    assert runs[0].run_id != runs[1].run_id
    for seed, run in enumerate(runs):
        (path,) = offline_logs(tmp_path / str(seed))
        logged = read_offline_log(path)
        assert (logged.run_id, logged.config["seed"], logged.rows("loss")) == (run.run_id, seed, {1: seed})


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("at", ["log", "log_image", "log_checkpoint", "summarise", "finish"])
def test_training_goes_on_when_the_service_dies(folder, caplog, capfd, stop, at):
    picture(folder / "a.png", 0)
    calls = {
        "log": lambda run: [run.log(step, {"loss": 1.0}) for step in range(10, 200)],
        "log_image": lambda run: [run.log_image(step, "samples", folder / "a.png") for step in range(200, 220)],
        "log_checkpoint": lambda run: [run.log_checkpoint(folder / "a.png", ["best"]) for _ in range(20)],
        "summarise": lambda run: [run.summarise({"loss": 1.0}) for _ in range(100)],
        "finish": lambda run: run.finish(0),
    }
    run = start(folder)
    run.log(1, {"loss": 1.0})
    os.kill(service(), stop)
    for call in list(calls)[list(calls).index(at) :]:
        calls[call](run)
    (warning,) = warnings(caplog)
    assert warning.startswith("W&B")
    assert capfd.readouterr().out == ""

    following = start(folder)  # the next run of the process is not harmed
    following.log(1, {"loss": 2.0})
    following.finish(0)
    assert read_offline_log(offline_logs(folder)[-1]).rows("loss") == {1: 2.0}
    assert len(warnings(caplog)) == 1


def test_what_was_logged_before_the_service_died_is_kept(folder):
    run = start(folder)
    for step in range(1, 6):
        run.log(step, {"loss": 1.0})
    time.sleep(2.5)  # it writes every second
    os.kill(service(), signal.SIGKILL)
    run.finish(0)
    (path,) = offline_logs(folder)
    assert set(read_offline_log(path).rows("loss")) >= {1, 2, 3, 4}


def test_a_file_that_has_vanished_is_warned_about_and_left_out(folder, caplog):
    run = start(folder)
    run.log(1, {"loss": 1.0})
    run.log_image(1, "samples", folder / "missing.png")
    run.log_checkpoint(folder / "missing.pt", ["best"])
    run.log(2, {"loss": 2.0})
    run.finish(0)
    assert len(warnings(caplog)) == 2
    (path,) = offline_logs(folder)
    logged = read_offline_log(path)
    assert logged.rows("loss") == {1: 1.0, 2: 2.0} and logged.exit_code == 0


def test_a_client_that_does_not_start_is_done_without(folder, caplog, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(tracker, "_start_run", fail)
    run = start(folder, run_id="abc")
    run.log(1, {"loss": 1.0})
    run.finish(0)
    assert run.run_id == "abc" and len(warnings(caplog)) == 1


def test_disabled_does_nothing(folder, monkeypatch):
    monkeypatch.setattr(tracker, "_start_run", lambda *_, **__: pytest.fail("a run was started"))
    run = start(folder, mode="disabled", run_id="abc")
    run.log(1, {"loss": 1.0})
    run.log_image(1, "samples", folder / "missing.png")
    run.log_checkpoint(folder / "missing.pt", ["best"])
    run.summarise({"loss": 1.0})
    run.finish(0)
    assert run.run_id == "abc" and not any(folder.iterdir())


PROGRAM = """
import os, random, signal, sys
from pathlib import Path
import numpy
from improved_gan.nodes import TrackingConfig
from improved_gan.tracking import start_tracking

def random_states():
    return random.getstate(), numpy.random.get_state()[1].tolist()

before = random_states()
config = TrackingConfig(mode="auto", project="improved-gan", entity=None, group=None)
run = start_tracking(
    config, folder=Path(sys.argv[1]), name="n", tags=[], settings={}, run_id=None, group=None, job_type="train"
)
for step in range(1, 2001):
    run.log(step, {"loss": 1.0})
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
run.finish(0)
assert before == random_states()  # or tracking would change what a seed gives
"""


def run_program(folder: Path, how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), how]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_auto_without_a_key_says_nothing_and_never_touches_the_network(folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:  # all that goes out would come here
        proxy.settimeout(0.5)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("WANDB_ERROR_REPORTING", "true")
        done = run_program(folder, "finished")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        with pytest.raises(TimeoutError):
            proxy.accept()
    (path,) = offline_logs(folder)
    assert len(read_offline_log(path).history) == 2000  # more than one block of the file


def test_a_killed_program_leaves_a_log_that_can_be_read(folder):
    assert run_program(folder, "killed").returncode == -signal.SIGKILL
    (path,) = offline_logs(folder)
    deadline = time.monotonic() + 20
    while not (steps := read_offline_log(path).rows("loss")) and time.monotonic() < deadline:
        time.sleep(0.2)  # the service notices within seconds, then writes what it has
    assert list(steps) == list(range(1, len(steps) + 1)) and len(steps) > 1
