"""What a multirun has to do: its jobs, what is done already, and how long the rest will take."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from improved_gan import dataset
from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.run_data import refuse_other_data
from improved_gan.run_folder import RunFolder, runs_by_digest
from improved_gan.sweep.hydra_launcher import at_once
from improved_gan.training.data_checks import check_against_data

WITH_RUN_FOLDER = ("train", "game")  # other jobs are done anew every time


@dataclass(frozen=True)
class Job:
    """One job of a multirun; `number` counts from 1 in the order of the command line."""

    number: int
    of: int
    request: Request
    folder: RunFolder | None
    summary: dict[str, Any]  # what the run's summary.json said when the sweep began

    def __str__(self) -> str:
        return f"job {self.number} of {self.of} ({' '.join(self.request.overrides) or 'defaults'})"

    @property
    def finished(self) -> bool:
        return self.summary.get("status") == "finished"

    @property
    def state(self) -> str:
        """How far the job is, in words."""
        status, summary = self.summary.get("status"), self.summary
        if status is None or status == "finished":
            return status or "new"
        if status == "failed":
            return f"failed at step {summary.get('step')}: {summary.get('reason')}"
        return f"unfinished, step {summary.get('step')} of {summary.get('total_steps')}"


def plan(requests: Sequence[Request]) -> list[Job]:
    """The jobs of a multirun with their folders; what is asked for twice is done once."""
    folders: dict[Path, dict[str, Path]] = {}
    wanted: dict[object, tuple[Request, RunFolder | None]] = {}
    for index, request in enumerate(requests):
        if request.config.job.name not in WITH_RUN_FOLDER:
            wanted[index] = request, None
            continue
        parent = Path(request.config.output_root).absolute() / request.experiment
        if parent not in folders:
            folders[parent] = runs_by_digest(parent)
        path = folders[parent].get(request.digest, parent / f"{request.name}-{request.digest}")
        wanted.setdefault(path, (request, RunFolder(path)))
    return [
        Job(number, len(wanted), request, folder, folder.summary() if folder else {})
        for number, (request, folder) in enumerate(wanted.values(), start=1)
    ]


def check_data(jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose data is what they want, and what they were trained on so far.

    With `sweep.skip_invalid` the others are left out. Each data set is opened once (and prepared, where it never was).
    Raises `UsageError`, a line for each wrong job.
    """
    opened: dict[str, PreparedDataset] = {}
    at_hand: dict[str, str | None] = {}
    right, wrong = [], []
    for job in jobs:
        config = job.request.config
        if config.job.name == "train" and job.folder is not None:
            asked = dataclasses.replace(config.dataset, labels_per_class=None, label_seed=0, validation_images=0)
            try:
                key = f"{config.data_root} {asked}"
                if job.finished:
                    if key not in at_hand:
                        at_hand[key] = dataset.checksum_at_hand(config.dataset, Path(config.data_root))
                    refuse_other_data(job.folder.path, at_hand[key])
                    right.append(job)
                    continue
                if key not in opened:
                    opened[key] = dataset.load(config.dataset, Path(config.data_root))
                refuse_other_data(job.folder.path, opened[key].checksum)
                check_against_data(config, opened[key])
            except UsageError as error:
                wrong.append((job, str(error)))
                continue
        right.append(job)
    if wrong and not (right and jobs[0].request.config.sweep.skip_invalid):
        if len({reason for _, reason in wrong}) == 1 and not right:
            raise UsageError(wrong[0][1])
        raise UsageError("\nerror: ".join(f"{job}: {reason}" for job, reason in wrong))
    return right


def print_plan(jobs: Sequence[Job]) -> None:
    """A line a job on stdout, then how many there are and how long the rest will take."""
    for job in jobs:
        name = job.folder.path.name if job.folder else job.request.name
        print(f"{job.number:>4}  {job.request.experiment}/{name}  {job.state}")
    counts = Counter(job.state.split()[0].strip(",") for job in jobs)
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    print(f"{len(jobs)} jobs: {states}")
    print(estimate(jobs))


def estimate(jobs: Sequence[Job]) -> str:
    """How long what is left will take, in words, by the times of the finished jobs most like each."""
    left = [job for job in jobs if not job.finished]
    done = [job for job in jobs if job.finished and _seconds(job)]
    if not left:
        return "nothing is left to do"
    if not done:
        return "time left: unknown until the first of these jobs has finished"
    seconds = sum((1 - _share_done(job)) * _expected_seconds(job, done) for job in left)
    parallel = min(at_once(jobs[0].request.overrides), len(left))
    several = f", {parallel} concurrently" if parallel > 1 else ""
    return f"time left: about {_duration(seconds / parallel)}{several}, by the times of {len(done)} finished jobs"


def _expected_seconds(job: Job, done: Sequence[Job]) -> float:
    """The mean time of those finished jobs that share the most overrides with `job`, its seed aside."""
    alike = [(len(_differing(job) & _differing(other)), _seconds(other)) for other in done]
    most = max(shared for shared, _ in alike)
    return fmean(seconds for shared, seconds in alike if shared == most)


def _differing(job: Job) -> set[str]:
    return {text for text in job.request.overrides if not text.startswith("seed=")}


def _seconds(job: Job) -> float:
    timing = job.summary.get("timing")
    seconds = timing.get("seconds") if isinstance(timing, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def _share_done(job: Job) -> float:
    step, total = job.summary.get("step"), job.summary.get("total_steps")
    return step / total if isinstance(step, int) and isinstance(total, int) and total > 0 else 0.0


def _duration(seconds: float) -> str:
    """`95.2` as "1 min 35 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h", f"{minutes} min", f"{rest} s"]
    first = 0 if hours else 1 if minutes else 2
    return " ".join(parts[first : first + 2])
