"""Which process of a run this is, by what torchrun or srun put into the environment."""

import pytest

from improved_gan.processes import SRUN, TORCHRUN, Place, first_node, place

STEP = {
    "SLURM_PROCID": "2",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[07-08]",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_JOB_ID": "123456",
}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TORCHRUN, *SRUN):
        monkeypatch.delenv(name, raising=False)


def put(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_task_of_a_step_meets_the_others_at_its_first_node(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, STEP)
    found = place()
    assert (found.rank, found.count, found.local_rank, found.meeting) == (2, 4, 1, "tcp://gpu07:23456")
    put(monkeypatch, {"SLURM_RESTART_COUNT": "1"})
    assert place().meeting != found.meeting
    put(monkeypatch, {"SLURM_STEP_NUM_NODES": "1"})
    assert place().meeting.startswith("tcp://127.0.0.1:")


def test_a_jobs_script_and_a_step_of_one_task_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "7"}
    put(monkeypatch, script)
    assert place() == Place()
    put(monkeypatch, STEP | {"SLURM_STEP_NUM_TASKS": "1"})
    assert place() == Place()


def test_torchrun_within_a_step_has_its_say(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, STEP | dict(zip(TORCHRUN, ("0", "3", "0", "localhost", "1"), strict=True)))
    assert place() == Place(0, 3, 0, "env://")


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,n2", "n1"), ("gpu[07-09,12],n1", "gpu07"), ("a[3,5]-ib", "a3-ib"), ("n1,gpu[2-3]", "n1")],
)
def test_the_first_of_slurms_nodes(nodes: str, first: str) -> None:
    assert first_node(nodes) == first
