"""What becomes of a sweep whose processes die, and how processes share a machine; without any process."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from improved_gan.composing import compose_jobs
from improved_gan.dispatching import Outcome
from improved_gan.sweep import launching, worker
from improved_gan.sweep.planning import Job, plan
from improved_gan.sweep.worker import Slots

KILLER = 3


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    return plan(compose_jobs(["-m", "seed=1,2,3,4,5,6", "hydra/launcher=joblib", f"output_root={tmp_path}"]))


def set_status(job: Job, status: str) -> None:
    assert job.folder is not None
    job.folder.write_summary({"status": status, "reason": "because"})


def test_a_process_that_dies_takes_only_its_own_job_along(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []

    def launched_(batch: Sequence[Job], slots: Slots | None) -> dict[int, Outcome]:
        """Two at once, in order: the killer's neighbour is under way when all processes die."""
        launched.append([job.number for job in batch])
        outcomes = {}
        for job in batch:
            if job.number == KILLER:
                set_status(job, "running")
                for neighbour in batch[batch.index(job) + 1 :][:1]:
                    set_status(neighbour, "running")
                raise RuntimeError("a worker process was killed\nby the kernel")
            status = "failed" if job.number == 2 else "finished"
            set_status(job, status)
            outcomes[job.number] = Outcome(int(status == "failed"), None, "because")
        return outcomes

    monkeypatch.setattr(launching, "_launched", launched_)
    outcomes = launching.launch(jobs)
    assert launched == [[1, 2, 3, 4, 5, 6], [5, 6], [3], [4]]
    assert {number: outcome.status for number, outcome in outcomes.items()} == {1: 0, 2: 1, 3: 1, 4: 0, 5: 0, 6: 0}
    assert outcomes[2].reason == "because"
    assert outcomes[KILLER].reason == "its process died: a worker process was killed"


def test_processes_that_die_at_once_are_tried_alone(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    def launched(batch: Sequence[Job], slots: Slots | None) -> dict[int, Outcome]:
        raise RuntimeError("no memory")

    monkeypatch.setattr(launching, "_launched", launched)
    assert {outcome.reason for outcome in launching.launch(jobs).values()} == {"its process died: no memory"}


def test_a_cluster_that_loses_a_job_is_judged_by_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = plan(compose_jobs(["-m", "seed=1,2", f"output_root={tmp_path}"]))
    monkeypatch.setattr(launching, "launcher_name", lambda overrides: "submitit_slurm")

    def launched(batch: Sequence[Job], slots: Slots | None) -> dict[int, Outcome]:
        assert slots is None
        set_status(jobs[0], "finished")
        raise RuntimeError("job 7_1 has no result")

    monkeypatch.setattr(launching, "_launched", launched)
    outcomes = launching.launch(jobs)
    assert outcomes[1].status == 0
    assert outcomes[2].status == 1 and "job 7_1 has no result" in outcomes[2].reason


def test_processes_count_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes: list[dict[Path, object]] = [{}, {}]  # flock tells open files apart, not processes
    for number, held in enumerate(processes):
        monkeypatch.setattr(worker, "_held", held)
        assert Slots(tmp_path).mine() == number == Slots(tmp_path).mine()
    processes[0].clear()  # the first one ends
    monkeypatch.setattr(worker, "_held", {})
    assert Slots(tmp_path).mine() == 0
    assert Slots(tmp_path).stopped() == 0


def test_gpus_are_dealt_out_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    given = []
    for number in range(4):
        (request,) = compose_jobs(["device=auto"])
        worker._share_gpus(request.config, number)
        given.append(request.config.device)
    assert given == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    (asked,) = compose_jobs(["device=cpu"])
    worker._share_gpus(asked.config, 1)
    assert asked.config.device == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    (request,) = compose_jobs(["device=auto"])
    worker._share_gpus(request.config, 1)
    assert request.config.device == "auto"
