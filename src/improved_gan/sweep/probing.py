"""What a sweep of which nothing has run would cost: one timed step of each kind of job, in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from improved_gan.config import UsageError
from improved_gan.sweep.hydra_launcher import at_once
from improved_gan.sweep.planning import Job

TIME_LIMIT = 600  # seconds of one kind
SEEDS = ("seed=", "dataset.label_seed=")
NO_PART_OF_A_KIND = (*SEEDS, "hydra", "sweep.", "output_root=")


@dataclass(frozen=True)
class Probe:
    """One step of a kind of job, measured; or why it could not be."""

    seconds: float = 0.0  # of a step
    steps: int = 0  # of the whole run
    memory: int = 0  # bytes, of the GPU where the step was done on one
    device: str = ""
    problem: str = ""


def kinds_of(jobs: Sequence[Job]) -> dict[tuple[str, ...], list[Job]]:
    """The jobs by what they are asked for, seeds aside."""
    kinds: dict[tuple[str, ...], list[Job]] = {}
    for job in jobs:
        kinds.setdefault(
            tuple(text for text in job.request.overrides if not text.startswith(NO_PART_OF_A_KIND)), []
        ).append(job)
    return kinds


def print_costs(jobs: Sequence[Job]) -> None:
    """A line on stdout for each kind of the training jobs `jobs`, then hours in all for the launcher's width."""
    kinds = kinds_of(jobs)
    print(f"measuring one step of each of {len(kinds)} kinds of job; its result is thrown away", flush=True)
    print(f"{'jobs':>5} {'s/step':>8} {'steps':>9} {'h/job':>8} {'MiB/job':>8}  kind")
    seconds, unknown = 0.0, 0
    for overrides, alike in kinds.items():
        words = " ".join(overrides) or "defaults"
        probe = probed(alike[0])
        if probe.problem:
            unknown += len(alike)
            print(f"{len(alike):>5} {'':>8} {'':>9} {'':>8} {'':>8}  {words}: {probe.problem}", flush=True)
            continue
        own = probe.seconds * probe.steps
        seconds += own * len(alike)
        figures = f"{probe.seconds:>8.3g} {probe.steps:>9,} {own / 3600:>8.3g} {probe.memory / 2**20:>8,.0f}"
        print(f"{len(alike):>5} {figures}  {words}, on {probe.device}", flush=True)
    width = min(at_once(jobs[0].request.overrides), len(jobs))
    rest = f", without {unknown} jobs that could not be measured" if unknown else ""
    print(
        f"training takes about {seconds / width / 3600:.3g} h, {width} concurrently{rest}; evaluation and plots come "
        "on top, and jobs side by side on one machine slow each other down"
    )


def probed(job: Job) -> Probe:
    """The figures of one job's step, from a process that does nothing else."""
    overrides = [text for text in job.request.overrides if not text.startswith(("hydra", "sweep."))]
    line = [sys.executable, "-c", f"from {__name__} import main; main()", *overrides]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=TIME_LIMIT, env=os.environ)
    except subprocess.TimeoutExpired:
        return Probe(problem=f"two steps take more than {TIME_LIMIT} s")
    try:
        return Probe(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        lines = done.stderr.strip().splitlines()
        return Probe(problem=lines[-1] if lines else f"the step ended with status {done.returncode}")


def metric(overrides: Sequence[str]) -> Probe:
    """Two steps of the run that `overrides` ask for: the second timed. Opens its data; writes nothing of the run."""
    from pathlib import Path

    import torch

    from improved_gan import dataset
    from improved_gan.composing import compose_jobs
    from improved_gan.training.costs import peak_memory
    from improved_gan.training.device import fast_training
    from improved_gan.training.trainer import Trainer

    def wait() -> None:
        if trainer.device.type == "cuda":
            torch.cuda.synchronize(trainer.device)

    config = compose_jobs(overrides)[0].config
    with fast_training():
        trainer = Trainer(config, dataset.load(config.dataset, Path(config.data_root)))
        trainer.initialise()
        trainer.advance(watched=True)
        wait()
        started = time.perf_counter()
        trainer.advance(watched=True)  # as a CUDA graph it would take less, once that is captured
        wait()
        seconds = time.perf_counter() - started
    held = peak_memory(trainer.device)
    memory = held.get("device", held.get("host", 0))
    return Probe(seconds, trainer.total_steps, memory, str(trainer.device))


def main() -> None:
    """Print the figures of the run that the command line asks for as a line of JSON."""
    try:
        print(json.dumps(vars(metric(sys.argv[1:]))))
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
