"""Throughput and memory of one run against processes, parts of a batch and batch size, by real runs under torchrun.

    python scripts/benchmark_processes.py --processes 1 2 --parts 1 4 --batches 200 1200

Each run is the convolutional pair of the digits with virtual batch norm, one thread a process; images a second are the
median of its log, memory the most that the first process held. Prints a Markdown table, with the CPU and how many
runnable processes the machine had on average meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS: tuple[str, ...] = (
    "dataset=digits",
    "architecture=digits_conv",
    "technique=none",
    "technique.virtual_batch_norm.enabled=true",
)
SETTINGS += ("metrics=none", "training.steps=6", "training.log_interval=1", "training.threads=1", "device=cpu")
SETTINGS += ("tracking.mode=disabled", "training.precision=fp32", "dataset.validation_images=0")


def measured(processes: int, parts: int, batch: int) -> tuple[float, float]:
    """Images a second and MB of one run."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        line += ["-m", "improved_gan", *SETTINGS, f"training.batch_size={batch}", f"training.accumulate={parts}"]
        line += [f"output_root={folder}"]
        subprocess.run(line, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        (path,) = Path(folder).glob("*/*/summary.json")
        costs = json.loads(path.read_text())["costs"]
    return costs["images_per_second"], costs["peak_memory_bytes"]["host"] / 2**20


def cpu() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--batches", type=int, nargs="+", default=[200, 1200])
    arguments = parser.parse_args()
    print(f"{cpu()}, {os.cpu_count()} cores\n")
    print("| batch | processes | parts | images/s | memory of a process, MB | load |\n|---|---|---|---|---|---|")
    for batch in arguments.batches:
        for processes in arguments.processes:
            for parts in arguments.parts:
                pace, memory = measured(processes, parts, batch)
                load = os.getloadavg()[0]
                print(f"| {batch} | {processes} | {parts} | {pace:.1f} | {memory:.0f} | {load:.1f} |", flush=True)


if __name__ == "__main__":
    main()
