"""What a multirun finds done already, how long the rest takes, and that finding out is cheap."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from improved_gan.cli import run
from improved_gan.composing import Request, compose_jobs
from improved_gan.run_folder import RunFolder
from improved_gan.sweep.planning import estimate, plan


def write_summary(request: Request, **summary: Any) -> Path:
    folder = RunFolder.of(request).path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def requests(tmp_path: Path) -> list[Request]:
    return compose_jobs(["-m", "seed=1,2,3,4", f"output_root={tmp_path}"])


def test_a_plan_knows_how_far_each_job_is(requests: list[Request]) -> None:
    write_summary(requests[0], status="finished", timing={"seconds": 100.0})
    write_summary(requests[1], status="running", step=50, total_steps=200)
    write_summary(requests[2], status="failed", step=7, reason="a loss became nan")
    jobs = plan(requests)
    assert [job.state for job in jobs] == [
        "finished",
        "unfinished, step 50 of 200",
        "failed at step 7: a loss became nan",
        "new",
    ]
    assert [job.finished for job in jobs] == [True, False, False, False]
    assert estimate(jobs) == "time left: about 4 min 35 s, by the times of 1 finished jobs"


def test_a_run_is_found_by_its_hash_whatever_it_is_called(requests: list[Request]) -> None:
    folder = write_summary(requests[0], status="finished")
    folder.rename(folder.with_name(f"another_name-{requests[0].digest}"))
    assert plan(requests)[0].finished
    assert RunFolder.of(requests[0]).path.name == f"another_name-{requests[0].digest}"


def test_what_is_asked_for_twice_is_done_once(tmp_path: Path) -> None:
    assert len(plan(compose_jobs(["-m", "seed=1,2,1", f"output_root={tmp_path}"]))) == 2
    assert len(plan(compose_jobs(["-m", "job=prepare", "tracking.mode=offline,disabled"]))) == 2  # has no run folder


def test_an_estimate_goes_by_the_jobs_most_alike(tmp_path: Path) -> None:
    requests = compose_jobs(
        ["-m", "technique.virtual_batch_norm.enabled=true,false", "seed=1,2,3", f"output_root={tmp_path}"]
    )
    write_summary(requests[0], status="finished", timing={"seconds": 100.0})
    write_summary(requests[3], status="finished", timing={"seconds": 10.0})
    assert "about 3 min 40 s" in estimate(plan(requests))  # two of 100 s and two of 10 s


def test_nothing_finished_and_nothing_left_are_said(requests: list[Request]) -> None:
    assert "unknown" in estimate(plan(requests))
    for request in requests:
        write_summary(request, status="finished", timing={"seconds": 1.0})
    assert estimate(plan(requests)) == "nothing is left to do"


def test_damaged_summaries_are_no_reason_to_stop(requests: list[Request]) -> None:
    (write_summary(requests[0]) / "summary.json").write_text('{"status": "fini')
    write_summary(requests[1], status="finished", timing="soon")
    jobs = plan(requests)
    assert [job.state for job in jobs[:2]] == ["new", "finished"]
    assert "unknown" in estimate(jobs)


def test_a_dry_run_prints_and_creates_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-m", "seed=1,2", "sweep.dry_run=true", f"output_root={tmp_path / 'out'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "default/seed_1-" in lines[0] and lines[0].endswith("new")
    assert lines[2] == "2 jobs: 2 new"
    assert lines[-1] == str(tmp_path / "out" / "default")
    assert not (tmp_path / "out").exists()
    assert run(["sweep.dry_run=true", f"output_root={tmp_path / 'out'}"]) == 0  # of one job too
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_what_the_launcher_does_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    arguments = ["-m", "seed=1,2,3", f"output_root={tmp_path}"]
    write_summary(compose_jobs(arguments)[0], status="finished", timing={"seconds": 60})
    assert run([*arguments, "sweep.dry_run=true", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]) == 0
    assert "about 1 min 0 s, 2 concurrently" in capsys.readouterr().out


def test_names_are_readable_unique_and_safe(tmp_path: Path) -> None:
    requests = compose_jobs(
        [
            "-m",
            f"output_root={tmp_path}",
            "dataset.class_names=[a/b,'../c',d,e,f,g,h,i,j,k],[" + ",".join("x" * 40 for _ in range(10)) + "]",
            "technique.label_smoothing.enabled=true,false",
            "training.learning_rate=0.001,1e-3,0.003",
        ]
    )
    names = [job.folder.path.name for job in plan(requests) if job.folder]
    assert len(names) == len(set(names)) == 8  # 0.001 and 1e-3 are one
    assert all(len(name) < 120 and "/" not in name and ".." not in name for name in names)


def test_a_launcher_is_chosen_for_the_whole_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-m", "seed=1,2", "hydra/launcher=basic,joblib"]) == 2
    assert "one value for the whole sweep" in capsys.readouterr().err
    assert run(["-m", "seed=1,2", "hydra/launcher=nonsense"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_thousand_finished_jobs_are_skipped_without_torch(command: Callable[..., list[str]], tmp_path: Path) -> None:
    """At the rate that skips 1,000 in a minute, starting included."""
    line = command("-m", "seed=range(1,51)", "technique.label_smoothing.enabled=true,false", "tracking.mode=disabled")
    for request in compose_jobs(line[3:]):
        write_summary(request, status="finished", timing={"seconds": 1.0})
    script = (
        "import sys; from improved_gan.cli import run; status = run(sys.argv[1:]); print('torch' in sys.modules);"
        "sys.exit(status)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", script, *line[3:]], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # not the clock, as other tests keep the cores busy
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60 * 100 / 1000
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("already finished") == 100
    assert done.stdout.splitlines() == [str(tmp_path / "outputs" / "default"), "False"]


def test_what_only_the_data_can_tell_is_found_for_every_job_before_the_first_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "outputs"
    words = ["-m", "budget=smoke", f"output_root={root}", "tracking.mode=disabled", "metrics=none"]
    assert run([*words, "dataset.labels_per_class=10,5000", "training.batch_size=100,2000"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("error: job ") == 3
    assert "dataset.labels_per_class=5000" in errors and "training.batch_size=2000: must be at most 1437" in errors
    assert not root.exists()
    np.savez(tmp_path / "unlabelled.npz", images=np.zeros((200, 8, 8), np.uint8))
    own = [f"dataset.path={tmp_path}/unlabelled.npz", "dataset=npz", f"data_root={tmp_path}"]
    assert run([*words, *own, "seed=1,2"]) == 2
    assert "use objective=non_saturating" in capsys.readouterr().err
    assert not root.exists()
