"""A multirun: what is finished is skipped, the rest is done, a failure stops nothing, and is listed at the end."""

import hashlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from improved_gan.composing import Request, run_name
from improved_gan.dispatching import Outcome, log_to_stderr
from improved_gan.sweep.launching import launch
from improved_gan.sweep.planning import Job, check_data, plan, print_plan
from improved_gan.sweep.probing import print_costs
from improved_gan.training.termination import Stopped

log = logging.getLogger("improved_gan")


def run_sweep(requests: Sequence[Request], overrides: Sequence[str]) -> int:
    """Do all `requests`, which `overrides` stand for, and return the exit status; with `sweep.dry_run`, list them."""
    jobs = plan(requests)
    if requests[0].config.sweep.dry_run:
        print_plan(jobs)
        new = [job for job in jobs if job.request.config.job.name == "train"]
        if new and not any(job.summary for job in jobs):
            print_costs(new)
        print(_results(jobs))
        return 0
    log_to_stderr()
    jobs = check_data(jobs)
    _group(requests, overrides)
    for job in jobs:
        if job.finished:
            log.info("%s: already finished", job)
    try:
        outcomes = launch([job for job in jobs if not job.finished])
    except Stopped as stop:  # between two jobs
        print(stop, file=sys.stderr)
        return 128 + stop.signum
    _list_failures(jobs, outcomes)
    _draw_phenomenon(jobs)
    print(_results(jobs))
    stopped = [outcome.status for outcome in outcomes.values() if outcome.status >= 128]
    return stopped[0] if stopped else int(any(outcome.status for outcome in outcomes.values()))


def _group(requests: Sequence[Request], overrides: Sequence[str]) -> None:
    """Let the tracker show the runs of one command together: named like it, so the same when it is repeated."""
    name = run_name(tuple(overrides))[:80].rstrip("-_.")
    digest = hashlib.sha256("".join(sorted(request.digest for request in requests)).encode()).hexdigest()[:8]
    for request in requests:
        tracking = request.config.tracking
        tracking.group = tracking.group or f"{request.experiment}-{name}-{digest}"  # W&B takes 128 characters


def _list_failures(jobs: Sequence[Job], outcomes: dict[int, Outcome]) -> None:
    for job in jobs:
        outcome = outcomes.get(job.number, Outcome(0))
        if 0 < outcome.status < 128:
            print(f"error: {job} failed with status {outcome.status}: {outcome.reason}", file=sys.stderr)


def _draw_phenomenon(jobs: Sequence[Job]) -> None:
    """The picture and the table that an experiment of a phenomenon ends with, of what has finished so far."""
    name = jobs[0].request.config.phenomenon
    root = _results(jobs)
    if name is None or not root.is_dir():
        return
    from improved_gan.phenomenon import draw_phenomenon  # takes seconds that other sweeps can do without

    picture = draw_phenomenon(name, root)
    if picture is not None:
        print(picture)


def _results(jobs: Sequence[Job]) -> Path:
    """The folder of the experiment; of all experiments where there are several."""
    root = Path(jobs[0].request.config.output_root).absolute()
    experiments = {job.request.experiment for job in jobs}
    return root / experiments.pop() if len(experiments) == 1 else root
