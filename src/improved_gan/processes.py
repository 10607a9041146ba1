"""Which of a run's processes this is, as torchrun or Slurm's srun says; importable without torch."""

import os
import re
from dataclasses import dataclass

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
# Of a job step, which srun starts: the job's own numbers stand in the environment of its script as well.
SRUN = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_NODELIST", "SLURM_JOB_ID")
FIRST_PORT, PORTS = 20000, 10000


class ProcessLost(Exception):
    """Another process of the run has ended, and so must this one; the message says what is known of the reason."""

    happened = False  # from then on this process ends by itself, and torchrun's SIGTERM need not tell it to

    def __init__(self, message: str) -> None:
        super().__init__(message)
        ProcessLost.happened = True


@dataclass(frozen=True)
class Place:
    """One of `count` processes: its number among all, and among those of its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    meeting: str = "env://"  # where the processes find each other, as torch.distributed.rendezvous takes it


def place() -> Place:
    """This process's place; alone, where neither torchrun nor srun has started several."""
    for names, meeting in ((TORCHRUN, lambda: "env://"), (SRUN, _meeting_of_step)):
        if all(name in os.environ for name in names):
            rank, count, local_rank = (int(os.environ[name]) for name in names[:3])
            return Place() if count == 1 else Place(rank, count, local_rank, meeting())
    return Place()


def _meeting_of_step() -> str:
    """The first node of the job step, and a port that follows from the job and how often it was queued again."""
    first = first_node(os.environ["SLURM_STEP_NODELIST"])
    alone = os.environ.get("SLURM_STEP_NUM_NODES") == "1"
    number = int(os.environ["SLURM_JOB_ID"]) + 1009 * int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    return f"tcp://{'127.0.0.1' if alone else first}:{FIRST_PORT + number % PORTS}"


def first_node(nodes: str) -> str:
    """The first of Slurm's list of nodes: n1 of "n1,n2", gpu07 of "gpu[07-09,12],n1"."""
    return re.sub(r"^([^\[,]*)\[(\w+)[^\]]*\]([^,]*).*", r"\1\2\3", nodes).partition(",")[0]
