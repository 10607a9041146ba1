"""Training speed and memory on the device at hand, and Table 3's rows side by side: what gpu_check.sh calls.

    python scripts/gpu_check.py --device cuda --folder outputs/gpu_check

Each piece is a process of its own (so that its peak memory is its own), ends within `--limit` seconds and leaves a JSON
file in the folder; a piece whose file is there is not done again. Ends in table.md there; status 1 if a piece failed, 3
if `--budget` seconds were over before all were done: then it is to be called again.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from gpu_pieces import ROWS, Piece, row_as_it_stands, step_of_a_plain_loop, step_of_ours, train_rows

RUNS = {"mnist": "experiment=mnist_table1", "cifar10": "experiment=cifar10_table3"}
BATCHES = (100, 400, 1600)
BARE = ("technique=none", "training.generator_steps=1")
TECHNIQUES = (
    "feature_matching", "minibatch_discrimination", "historical_averaging", "label_smoothing", "virtual_batch_norm",
)  # fmt: skip
TINY = ("architecture.width=8", "architecture.generator_width=8", "technique.virtual_batch_norm.reference_size=4")
TABLE3, TABLE3_TINY = ["experiment=cifar10_table3"], ["experiment=digits_table3", "training.epochs=1"]
MINUTES, SITTING = 25.0, 420.0  # of Table 3's rows, side by side; seconds at a time
START = 45.0  # seconds that a sitting takes beside its training


def pieces(tiny: bool) -> dict[str, list[str]]:
    """The overrides of every piece by its name, or `plain`, a pair and `compiled`."""
    sizes, small = ((8, 16, 24), TINY) if tiny else (BATCHES, ())
    found: dict[str, list[str]] = {}
    for name, run in RUNS.items():
        for size in sizes:
            found[f"{name}, batch {size}"] = [run, *small, f"training.batch_size={size}"]
        own = [run, *small, f"training.batch_size={sizes[0]}"]
        found[f"{name}, batch {sizes[0]}, no graph"] = [*own, "training.cuda_graph=false"]
        found[f"{name}, batch {sizes[0]}, bf16"] = [*own, "training.precision=bf16"]
        if name == "mnist" or not tiny:  # the plain loops know one size; CIFAR-10's takes a CPU 12 s a step
            found[f"{name}, plain loop"] = ["plain", name]
            found[f"{name}, plain loop compiled"] = ["plain", name, "compiled"]
    bare = [RUNS["cifar10"], *BARE, *small, f"training.batch_size={sizes[0]}"]
    found["cifar10, no technique"] = bare
    return found | {f"cifar10, {name} alone": [*bare, f"technique.{name}.enabled=true"] for name in TECHNIQUES}


def measure(wanted: list[str], device: str, seconds: float) -> Piece:
    if wanted[0] == "plain":
        return step_of_a_plain_loop(wanted[1], device, seconds, "compiled" in wanted)
    return step_of_ours(wanted, device, seconds)


def table(found: dict[str, Piece]) -> str:
    """The pieces in Markdown, a row each; a piece that failed says why."""
    lines = ["| | ms/step | images/s | TFLOP/s | memory, MiB | precision | graph | classifier score |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name, piece in found.items():
        if "problem" in piece:
            lines.append(f"| {name} | {piece['problem'].replace('|', '/')} | | | | | | |")
            continue
        step, rate, memory = piece.get("step"), piece.get("images_per_second"), piece.get("memory")
        cells = [
            f"{1000 * step:.3g}" if step else "",
            f"{rate:,.0f}" if rate else "",
            f"{piece['flops'] / step / 1e12:.3g}" if step and "flops" in piece else "",
            f"{memory / 2**20:,.0f}" if memory else "",
            piece.get("precision", ""),
            piece.get("graph", ""),
            f"{piece['score']:.3f}" if "score" in piece else "",
        ]
        lines.append(
            f"| {name}{', step {:,}'.format(piece['steps']) if 'steps' in piece else ''} | {' | '.join(cells)} |"
        )
    machines = sorted({f"{piece['device']}, torch {piece['torch']}" for piece in found.values() if "device" in piece})
    return "\n".join([*lines, "", f"Measured on {' and '.join(machines)}."]) + "\n"


class OutOfTime(Exception):
    """The budget is spent before everything is measured."""


class Clock:
    """How long there still is."""

    def __init__(self, budget: float | None) -> None:
        self.end = None if budget is None else time.perf_counter() + budget

    def left(self, wanted: float) -> float:
        """`wanted` seconds, or as many as are left."""
        return wanted if self.end is None else min(wanted, self.end - time.perf_counter())


def steps(asked: argparse.Namespace, clock: Clock) -> dict[str, Piece]:
    """The pieces that are one step each."""
    found: dict[str, Piece] = {}
    for name in pieces(asked.tiny):
        path = asked.folder / f"{name.replace(', ', '_').replace(' ', '_')}.json"
        if not path.exists():
            piece = in_a_process_of_its_own(name, asked.limit, clock)
            if "problem" in piece:
                found[name] = piece
                continue
            path.write_text(json.dumps(piece) + "\n")
        found[name] = json.loads(path.read_text())
    return found


def in_a_process_of_its_own(name: str, limit: float, clock: Clock) -> Piece:
    """What `--piece` prints; the last line of its error where it fails."""
    given = clock.left(limit)
    if given <= 0:
        raise OutOfTime
    try:
        line = [sys.executable, *sys.argv, "--piece", name]
        done = subprocess.run(line, capture_output=True, text=True, timeout=given)
    except subprocess.TimeoutExpired:
        if given < limit:
            raise OutOfTime from None
        return {"problem": f"takes more than {limit:.0f} s"}
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    piece: Piece = json.loads(done.stdout.splitlines()[-1])
    return piece


def rows(asked: argparse.Namespace, clock: Clock) -> dict[str, Piece]:
    """Table 3's rows after `--minutes` side by side, in sittings."""
    experiment, folder = TABLE3_TINY if asked.tiny else TABLE3, asked.folder / "table3"
    kept, minutes = folder / "seconds.json", asked.minutes
    folder.mkdir(exist_ok=True)
    trained = json.loads(kept.read_text()) if kept.exists() else 0.0
    while trained < 60 * minutes:
        sitting = min(SITTING, 60 * minutes - trained, clock.left(SITTING + START) - START)
        if sitting <= 0:
            raise OutOfTime
        train_rows(experiment, folder, asked.device, sitting)
        trained += sitting
        kept.write_text(json.dumps(trained) + "\n")
    found: dict[str, Piece] = {}
    for row in ROWS:
        path = folder / f"{row}.json"
        if not path.exists():
            if clock.left(60) < 60:
                raise OutOfTime
            piece = row_as_it_stands(folder / row, asked.device, 500 if asked.tiny else 10_000)
            path.write_text(json.dumps(piece) + "\n")
        found[f"Table 3, {row}, {minutes:g} min side by side"] = json.loads(path.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, default=Path("outputs/gpu_check"))
    parser.add_argument("--seconds", type=float, default=10, help="of steps, a piece")
    parser.add_argument("--limit", type=float, default=480, help="seconds after which a piece is given up")
    parser.add_argument(
        "--budget", type=float, help="seconds after which this call ends, with status 3 where unfinished"
    )
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of Table 3's rows; 0: none of them")
    parser.add_argument("--tiny", action="store_true", help="small nets and batches: does it run through?")
    parser.add_argument("--piece", help="do this one alone, in this process, and print it")
    asked = parser.parse_args()
    if asked.piece:
        print(json.dumps(measure(pieces(asked.tiny)[asked.piece], asked.device, asked.seconds)))
        return
    asked.folder = asked.folder.absolute()
    asked.folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(asked.budget)
    print(f"torch {torch.__version__}, device {asked.device}", file=sys.stderr)
    try:
        found = steps(asked, clock)
        if asked.minutes > 0:
            found |= rows(asked, clock)
    except OutOfTime:
        print("not all is measured yet: call it again", file=sys.stderr)
        sys.exit(3)
    (asked.folder / "table.md").write_text(table(found))
    print(table(found), end="")
    sys.exit(any("problem" in piece for piece in found.values()))


if __name__ == "__main__":
    main()
