"""The jobs of a multirun, done one by one in this process or through a launcher in others."""

import contextlib
import logging
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from improved_gan.dispatching import Outcome, dispatch
from improved_gan.sweep.hydra_launcher import launcher, launcher_name
from improved_gan.sweep.planning import Job
from improved_gan.sweep.worker import Slots, Worker, raise_on_signal, signals_go_to

log = logging.getLogger("improved_gan")


def launch(jobs: Sequence[Job]) -> dict[int, Outcome]:
    """Do `jobs` by the launcher that they ask for; how each ended, by number. After a signal, the rest is left out.

    Raises `Stopped` on a signal between two jobs.
    """
    if not jobs:
        return {}
    name = launcher_name(jobs[0].request.overrides)
    if name == "basic":
        return _in_turn(jobs)
    if name.endswith("slurm"):
        return _on_cluster(jobs)
    return _in_processes(jobs)


def _in_turn(jobs: Sequence[Job]) -> dict[int, Outcome]:
    """One by one in this process, so that torch is imported once."""
    outcomes: dict[int, Outcome] = {}
    with raise_on_signal():
        for job in jobs:
            log.info("%s", job)
            outcomes[job.number] = dispatch(job.request)
            if outcomes[job.number].status >= 128:
                break
    return outcomes


def _in_processes(jobs: Sequence[Job]) -> dict[int, Outcome]:
    """Several at once on this machine. A process that dies takes its siblings along: they are started again."""
    outcomes: dict[int, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="improved-gan-sweep-") as folder, _threads_shared(jobs):
        slots = Slots(Path(folder))
        with signals_go_to(lambda number, _: slots.stop(number)):  # the workers save a checkpoint and end
            batches = deque([list(jobs)])
            while batches and not slots.stopped():
                batch = batches.popleft()
                try:
                    outcomes |= _launched(batch, slots)
                except Exception as error:
                    log.warning("a process of the launcher died (%s)", _first_line(error))
                    batches.extendleft(reversed(_still_to_do(batch, outcomes, error)))
        if slots.stopped():
            stop = Outcome(128 + slots.stopped(), None, "stopped by a signal")
            outcomes = {job.number: outcomes.get(job.number, stop) for job in jobs}
    return outcomes


def _still_to_do(batch: list[Job], outcomes: dict[int, Outcome], error: Exception) -> list[list[Job]]:
    """What is left of a batch whose processes died: the untouched jobs together, then each of the others alone."""
    begun, rest = [], []
    for job in batch:
        status = job.folder.summary().get("status") if job.folder else None
        if len(batch) == 1:
            outcomes[job.number] = Outcome(1, None, f"its process died: {_first_line(error)}")
        elif status == "running":
            begun.append(job)
        elif status == "finished":
            outcomes[job.number] = Outcome(0)
        elif status == "failed" and job.folder and job.folder.summary() != job.summary:
            outcomes[job.number] = Outcome(1, None, str(job.folder.summary().get("reason")))
        else:
            rest.append(job)
    alone = [[job] for job in begun]
    if len(rest) == len(batch):  # they die before they write a word: one by one shows which
        return [[job] for job in rest]
    return ([rest] if rest else []) + alone


def _on_cluster(jobs: Sequence[Job]) -> dict[int, Outcome]:
    """By a queue of their own: a signal ends the waiting, not the jobs."""
    try:
        return _launched(jobs, None)
    except Exception as error:
        # The launcher gives up at the first job that vanished without a result. The others go on, and tell by folder.
        reason = f"no result of it: {_first_line(error)}; if it is still queued or running, repeat the command later"
        done = [job for job in jobs if job.folder and job.folder.summary().get("status") == "finished"]
        return {job.number: Outcome(0) if job in done else Outcome(1, None, reason) for job in jobs}


def _launched(jobs: Sequence[Job], slots: Slots | None) -> dict[int, Outcome]:
    group = jobs[0].request.config.tracking.group
    sys.stdout.flush()
    with launcher(jobs[0].request.overrides, Worker(slots, group)) as chosen:
        lines = [[text for text in job.request.overrides if not text.startswith("hydra")] for job in jobs]
        returns = chosen.launch(lines, initial_job_idx=jobs[0].number)
    return {job.number: job_return.return_value for job, job_return in zip(jobs, returns, strict=True)}


@contextlib.contextmanager
def _threads_shared(jobs: Sequence[Job]) -> Iterator[None]:
    """`OMP_NUM_THREADS` for processes that submitit starts all at once; joblib sees to it by itself."""
    if launcher_name(jobs[0].request.overrides) != "submitit_local" or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // len(jobs)))
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0] or type(error).__name__
