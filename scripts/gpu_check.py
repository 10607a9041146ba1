"""Training speed and memory on the device at hand, a piece at a time: what gpu_check.sh calls.

    python scripts/gpu_check.py --device cuda --folder outputs/gpu_check

Each piece is a process of its own (so that its peak memory is its own), ends within `--limit` seconds and leaves a JSON
file in the folder; a piece whose file is there is not done again. Ends in table.md there; status 1 if a piece failed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from improved_gan.composing import compose_jobs
from improved_gan.dataset.prepared import PreparedDataset, PreparedSplit
from improved_gan.training.costs import flops_of_step, peak_memory
from improved_gan.training.device import fast_training
from improved_gan.training.trainer import Trainer

RUNS = {"mnist": "experiment=mnist_table1", "cifar10": "experiment=cifar10_table3"}
BATCHES = (100, 400, 1600)
BARE = ("technique=none", "training.generator_steps=1")
TECHNIQUES = (
    "feature_matching", "minibatch_discrimination", "historical_averaging", "label_smoothing", "virtual_batch_norm",
)  # fmt: skip
TINY = ("architecture.width=8", "architecture.generator_width=8", "technique.virtual_batch_norm.reference_size=4")


def pieces(tiny: bool) -> dict[str, list[str]]:
    """The overrides of every piece, by its name: each pair at three batch sizes, and each technique's cost."""
    sizes, small = ((8, 16, 24), TINY) if tiny else (BATCHES, ())
    found = {f"{name}, batch {size}": [run, *small, f"training.batch_size={size}"]
             for name, run in RUNS.items() for size in sizes}  # fmt: skip
    bare = [RUNS["cifar10"], *BARE, *small, f"training.batch_size={sizes[0]}"]
    found["cifar10, no technique"] = bare
    return found | {f"cifar10, {name} alone": [*bare, f"technique.{name}.enabled=true"] for name in TECHNIQUES}


def random_images(shape: tuple[int, int, int], count: int = 20_000) -> PreparedDataset:
    """A step costs the same whatever the images show, and so no data has to be carried along."""
    pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = PreparedSplit(pixels.numpy(), (torch.arange(count) % 10).numpy())
    return PreparedDataset("noise", shape, 10, None, split, None, "", Path())


@fast_training()
def measure(overrides: list[str], device: str, seconds: float) -> dict[str, Any]:
    """Median seconds of a step over `seconds` of them (two at least), and what it takes of the machine."""
    config = compose_jobs([*overrides, f"device={device}"])[0].config
    channels, height, width = config.architecture.image_shape
    trainer = Trainer(config, random_images((channels, height, width)))
    trainer.initialise()
    for _ in range(3):
        trainer.advance()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        _wait(trainer.device)
        started = time.perf_counter()
        trainer.advance()
        _wait(trainer.device)
        times.append(time.perf_counter() - started)
    step = sorted(times)[len(times) // 2]
    held = peak_memory(trainer.device)
    images = config.training.batch_size * config.training.discriminator_steps
    return {
        "device": torch.cuda.get_device_name(trainer.device) if trainer.device.type == "cuda" else "CPU",
        "torch": torch.__version__,
        "precision": config.training.precision,
        "step": step,
        "images_per_second": images / step,
        "flops": flops_of_step(config, 10),
        "memory": held.get("device", held.get("host", 0)),
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def table(found: dict[str, dict[str, Any]]) -> str:
    """The pieces in Markdown, a row each; a piece that failed says why."""
    lines = ["| | ms/step | images/s | TFLOP/s | memory, MiB | precision |", "|---|---|---|---|---|---|"]
    for name, piece in found.items():
        if "problem" in piece:
            lines.append(f"| {name} | {piece['problem']} | | | | |")
            continue
        rate = piece["flops"] / piece["step"] / 1e12
        figures = f"{1000 * piece['step']:.3g} | {piece['images_per_second']:,.0f} | {rate:.3g}"
        lines.append(f"| {name} | {figures} | {piece['memory'] / 2**20:,.0f} | {piece['precision']} |")
    machines = sorted({f"{piece['device']}, torch {piece['torch']}" for piece in found.values() if "device" in piece})
    return "\n".join([*lines, "", f"Measured on {' and '.join(machines)}."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, default=Path("outputs/gpu_check"))
    parser.add_argument("--seconds", type=float, default=10, help="of steps, a piece")
    parser.add_argument("--limit", type=float, default=480, help="seconds after which a piece is given up")
    parser.add_argument("--tiny", action="store_true", help="small nets and batches: does it run through?")
    parser.add_argument("--piece", help="do this one alone, in this process, and print it")
    arguments = parser.parse_args()
    wanted = pieces(arguments.tiny)
    if arguments.piece:
        print(json.dumps(measure(wanted[arguments.piece], arguments.device, arguments.seconds)))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    for name in wanted:
        path = arguments.folder / f"{name.replace(', ', '_').replace(' ', '_')}.json"
        if not path.exists():
            piece = in_a_process_of_its_own(name, arguments.limit)
            if "problem" in piece:
                found[name] = piece
                continue
            path.write_text(json.dumps(piece) + "\n")
        found[name] = json.loads(path.read_text())
    (arguments.folder / "table.md").write_text(table(found))
    print(table(found), end="")
    sys.exit(any("problem" in piece for piece in found.values()))


def in_a_process_of_its_own(name: str, limit: float) -> dict[str, Any]:
    """What `--piece` prints; the last line of its error where it fails."""
    try:
        line = [sys.executable, *sys.argv, "--piece", name]
        done = subprocess.run(line, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"problem": f"takes more than {limit:.0f} s"}
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    piece: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return piece


if __name__ == "__main__":
    main()
