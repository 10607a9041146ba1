"""Machines that lack what others have: file locks, a home, a working folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SMALL = ("technique=none", "metrics=none", "architecture.width=16", "architecture.generator_width=16")
SMALL += ("training.threads=1", "training.steps=2", "tracking.mode=disabled")
NO_LOCKS = """
import errno, fcntl, os
def flock(fd, how): raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = flock
"""  # as on Lustre mounted without -o flock
NO_PASSWD = """
import pwd
def getpwuid(uid): raise KeyError(uid)
pwd.getpwuid = getpwuid
"""  # as in a container run under a number that it does not know
pytestmark = pytest.mark.integration


def test_without_file_locks_one_warning_is_given_and_the_run_goes_on(tmp_path: Path) -> None:
    code = f"{NO_LOCKS}\nimport sys\nfrom improved_gan.cli import main\nmain()"
    line = [sys.executable, "-c", code, "dataset=ring", "architecture=toy_mlp", *SMALL[:2], *SMALL[4:]]
    done = subprocess.run([*line, f"output_root={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no file locks here") == 1


def test_a_deleted_working_folder_is_a_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    line = [sys.executable, "-m", "improved_gan", *SMALL, f"output_root={tmp_path}"]
    done = subprocess.run(["sh", "-c", script, "sh", str(gone), *line], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: the working folder has been deleted; cd to one that is there"]


@pytest.mark.parametrize("tracking", ["disabled", "auto"])
def test_somebody_without_a_home_is_told_what_to_set(tracking: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    code = f"{NO_PASSWD}\nimport sys\nfrom improved_gan.cli import main\nmain()"
    line = [sys.executable, "-c", code, *SMALL[:-1], f"tracking.mode={tracking}", f"output_root={tmp_path}"]
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "set HOME" in done.stderr.splitlines()[-1], done.stderr


def test_somebody_without_a_home_is_told_so_of_data_given_by_a_path(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((5, 8, 8), np.uint8))
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    code = f"{NO_PASSWD}\nimport sys\nfrom improved_gan.cli import main\nmain()"
    asked = ["dataset=npz", f"dataset.path={tmp_path / 'images.npz'}", "data_root=/nowhere", *SMALL[:2]]
    line = [sys.executable, "-c", code, *asked, f"output_root={tmp_path / 'runs'}"]
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1 and "set HOME" in done.stderr.splitlines()[-1], done.stderr


def test_a_set_prepared_beside_its_source_needs_no_home(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((120, 8, 8), np.uint8))
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    code = f"{NO_PASSWD}\nimport sys\nfrom improved_gan.cli import main\nmain()"
    line = [sys.executable, "-c", code, "job=prepare", "dataset=npz", f"dataset.path={tmp_path / 'images.npz'}"]
    for _ in range(2):
        done = subprocess.run([*line, f"data_root={tmp_path}"], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert Path(done.stdout.splitlines()[-1]).parent == tmp_path / "prepared"


@pytest.mark.parametrize("job", [["job=train", "metrics=quick"], ["--help"], ["--cfg", "job"]])
def test_output_in_ascii_loses_no_run(job: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    settings = [] if job == ["--help"] else [*SMALL[:1], *SMALL[2:], f'output_root="{tmp_path}/Größe"']
    line = [sys.executable, "-m", "improved_gan", *job, *settings]
    done = subprocess.run(line, capture_output=True, env=environment)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    done.stdout.decode("ascii")
