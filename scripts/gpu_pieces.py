"""What gpu_check.py measures, a piece at a time: a step of ours, of a plain loop, or Table 3's rows side by side."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from plain_loops import PlainCifar, PlainLoop, PlainMnist

from improved_gan.composing import compose_jobs
from improved_gan.dataset.prepared import PreparedDataset, PreparedSplit
from improved_gan.training.checkpoint import step_checkpoints
from improved_gan.training.costs import flops_of_step, images_per_second, peak_memory
from improved_gan.training.device import fast_training
from improved_gan.training.step_graph import StepGraph
from improved_gan.training.trainer import Trainer

Piece = dict[str, Any]
ROWS = ("our_methods", "minus_vbn", "minus_l_plus_ha", "minus_ls", "minus_l", "minus_mbf")


def random_images(shape: tuple[int, int, int], count: int = 20_000) -> PreparedDataset:
    """A step costs the same whatever the images show, and so no data has to be carried along."""
    pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = PreparedSplit(pixels.numpy(), (torch.arange(count) % 10).numpy())
    return PreparedDataset("noise", shape, 10, None, split, None, "", Path())


@fast_training()
def step_of_ours(overrides: list[str], device: str, seconds: float) -> Piece:
    """Median seconds of a step over `seconds` of them (two at least), and what it takes of the machine."""
    config = compose_jobs([*overrides, f"device={device}"])[0].config
    channels, height, width = config.architecture.image_shape
    trainer = Trainer(config, random_images((channels, height, width)))
    trainer.initialise()
    found = timed(trainer.advance, trainer.device, seconds, config.training.batch_size)
    replays = isinstance(trainer.updates, StepGraph) and trainer.updates.replays
    return found | {
        "precision": config.training.precision,
        "flops": flops_of_step(config, 10),
        "graph": "yes" if replays else "no",
    }


def step_of_a_plain_loop(name: str, device: str, seconds: float, compiled: bool) -> Piece:
    """The same of the loop as one would first write it, its networks under `torch.compile` or not."""
    torch.set_default_device(device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    labels = torch.arange(100) % 10
    loop: PlainLoop
    work: Callable[[], None]
    if name == "mnist":
        loop = mnist = PlainMnist()
        labelled, real, other = torch.rand(3, 100, 784)
        work = lambda: mnist.step(labelled, labels, real, other)  # noqa: E731
    else:
        loop = cifar = PlainCifar()
        labelled, real = torch.rand(2, 100, 3, 32, 32)
        work = lambda: cifar.step(labelled, labels, real)  # noqa: E731
    if compiled:
        loop.discriminator.compile()
        loop.generator.compile()
    return timed(work, torch.device(device), seconds, 100) | {"precision": "fp32", "graph": "no"}


def timed(work: Callable[[], object], device: torch.device, seconds: float, images: int) -> Piece:
    for _ in range(3):
        work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - started)
    step, held = sorted(times)[len(times) // 2], peak_memory(device)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
        "step": step,
        "images_per_second": images / step,
        "memory": held.get("device", held.get("host", 0)),
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train_rows(experiment: list[str], folder: Path, device: str, seconds: float) -> None:
    """All rows at once for so long, from where they were; a signal ends them with a checkpoint."""
    line = [sys.executable, "-m", "improved_gan", *experiment, f"device={device}", "tracking.mode=disabled"]
    runs = []
    for row in ROWS:
        (folder / row).mkdir(parents=True, exist_ok=True)
        with (folder / row / "output.txt").open("a") as output:
            own = [f"ablation={row}", f"output_root={folder / row}"]
            runs.append(subprocess.Popen([*line, *own], stdout=output, stderr=subprocess.STDOUT))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and any(run.poll() is None for run in runs):
        time.sleep(0.5)
    for run in runs:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
    for run in runs:
        run.wait()


def row_as_it_stands(folder: Path, device: str, samples: int) -> Piece:
    """What a row's newest checkpoint scores, how far it has come and how fast."""
    runs = [path.parent for path in folder.rglob("config.yaml") if step_checkpoints(path.parent / "checkpoints")]
    if not runs:
        said = (folder / "output.txt").read_text().strip().splitlines()
        return {"problem": said[-1] if said else "no checkpoint"}
    metrics = "metrics.names=[classifier_score]", f"metrics.samples={samples}", "metrics.train_classifier=true"
    line = [sys.executable, "-m", "improved_gan", "job=evaluate", f"images={runs[0]}", "evaluate.name=gpu_check"]
    done = subprocess.run([*line, *metrics, f"device={device}"], capture_output=True, text=True, env=os.environ)
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or ["not evaluated"])[-1]}
    (summary,) = runs[0].rglob("gpu_check/summary.json")
    lines = [json.loads(text) for text in (runs[0] / "metrics.jsonl").read_text().splitlines()]
    step = int(step_checkpoints(runs[0] / "checkpoints")[0].stem.split("_")[1])
    score = json.loads(summary.read_text())["metrics"]["classifier_score"]["value"]
    return {"images_per_second": images_per_second(lines), "steps": step, "score": score}
