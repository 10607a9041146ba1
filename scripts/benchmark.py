"""The project's benchmark: our steps against plain loops, against the machine's floor, and what each technique costs.

    make bench                                   # all of it
    make bench ARGS="--only mnist_step_vs_plain"
    make bench ARGS="--precision bf16"           # bf16 products in our steps, reported under names of their own
    make bench ARGS="--full"                     # evaluation of 5,000 images instead of 200

Both sides of every ratio run in turns; the ratio is of medians and says how many times as fast as the reference ours is
(for technique_* and diagnostics_*: how many times as long a step takes with it as without). The plain loops run in a
process of their own, with torch's and the C library's default settings. Prints a table and writes
outputs/benchmark.json, a list of {name, ours, reference, ratio, unit}.
"""

import argparse
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from benchmark_evaluation import BENCHMARKS
from plain_loops import PlainCifar, PlainMnist
from torch.nn import functional

from improved_gan.composing import compose_jobs
from improved_gan.dataset.prepared import PreparedDataset, PreparedSplit
from improved_gan.training.device import fast_training
from improved_gan.training.diagnostics import Diagnostics
from improved_gan.training.trainer import Trainer

BUDGET, TURN = 40.0, 0.5  # seconds an entry, and one side's turn within it
MNIST, CIFAR = ("experiment=mnist_table1",), ("experiment=cifar10_table3",)
UNITS = (784, 1000, 500, 250, 250, 250, 10)
Work = Callable[[], object]
Entry = dict[str, Any]


def alternating(works: dict[str, Work], seconds: float = BUDGET) -> dict[str, float]:
    """Median milliseconds of each work, taken in turns until `seconds` are over (at least two turns)."""
    end = time.perf_counter() + seconds
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    while time.perf_counter() < end or len(next(iter(times.values()))) < 2:
        for name, work in works.items():
            time.sleep(0.05)  # until the threads of the work before have stopped waiting busily for more
            times[name] += turn(work)
    return {name: statistics.median(values) for name, values in times.items()}


def turn(work: Work) -> list[float]:
    """Milliseconds of each repetition of `work` in `TURN` seconds, without the first, which wakes threads and caches.

    Work that takes longer than a turn is done, and counted, once.
    """
    end = time.perf_counter() + TURN
    times: list[float] = []
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return times[1:] or times


def noise_images(shape: tuple[int, int, int], classes: int = 10, count: int = 10_000) -> PreparedDataset:
    """Random images: a step costs the same whatever they show, and the benchmark needs no data."""
    source = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=source).numpy()
    split = PreparedSplit(pixels, (torch.arange(count) % classes).numpy())
    return PreparedDataset("noise", shape, classes, None, split, split, "", Path())


def trainer(overrides: tuple[str, ...], precision: str) -> Trainer:
    """A trainer of ours, initialised, on random images."""
    (request,) = compose_jobs([*overrides, f"training.precision={precision}", "device=cpu"])
    channels, height, width = request.config.architecture.image_shape
    made = Trainer(request.config, noise_images((channels, height, width)))
    made.initialise()
    return made


@cache
def mnist(precision: str) -> Work:
    """Our Table 1 step."""
    return trainer(MNIST, precision).advance


@cache
def cifar10(precision: str) -> Work:
    """Our Table 3 step."""
    return trainer(CIFAR, precision).advance


def plain_mnist() -> Work:
    """The plain Table 1 step."""
    plain, labels = PlainMnist(), torch.arange(100) % 10
    labelled, real, other = torch.rand(3, 100, 784)
    return lambda: plain.step(labelled, labels, real, other)


def plain_cifar10() -> Work:
    """The plain Table 3 step."""
    plain, labels = PlainCifar(), torch.arange(100) % 10
    labelled, real = torch.rand(2, 100, 3, 32, 32)
    return lambda: plain.step(labelled, labels, real)


def in_a_process_of_its_own(make: Callable[[], Work]) -> Work:
    """The work that `make` gives, where none of `fast_training`'s settings reach it."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    processes.Process(target=_serve, args=(make, there), daemon=True).start()

    def work() -> None:
        here.send("go")
        here.recv()

    return work


def _serve(make: Callable[[], Work], connection: Connection) -> None:
    work = make()
    with suppress(EOFError):  # the benchmark has ended
        while connection.recv() == "go":
            work()
            connection.send("done")


def best_product(m: int, k: int, n: int, dtype: torch.dtype) -> float:
    """Milliseconds of one (m, k) x (k, n) product at its best measured rate."""
    left, right = torch.rand(m, k).to(dtype), torch.rand(k, n).to(dtype)
    times = []
    for _ in range(15):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def mnist_floor(precision: str) -> float:
    """Milliseconds of the step's own matrix products, plus the optimizers' bytes at the measured memory rate."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    layers = list(itertools.pairwise(UNITS))
    generator = [(100, 500), (500, 500), (500, 784)]

    def passes(shapes: list[tuple[int, int]], rows: int, *, weights: bool, inputs: bool) -> float:
        total = 0.0
        for number, (fan_in, fan_out) in enumerate(shapes):
            total += best_product(rows, fan_in, fan_out, dtype)
            if inputs or (weights and number > 0):
                total += best_product(rows, fan_out, fan_in, dtype)
            if weights:
                total += best_product(fan_out, rows, fan_in, dtype)
        return total

    products = passes(layers, 300, weights=True, inputs=False) + passes(generator, 100, weights=False, inputs=False)
    products += passes(generator, 100, weights=True, inputs=False)
    products += passes(layers[:-1], 100, weights=False, inputs=True) + passes(
        layers[:-1], 100, weights=False, inputs=False
    )
    parameters = sum(i * o for i, o in (*layers, *generator))
    return products + adam_milliseconds(parameters)


def adam_milliseconds(parameters: int) -> float:
    """Adam reads four arrays and writes three: their bytes at the rate of the best copy."""
    source = torch.rand(parameters)
    target, times = torch.empty_like(source), []
    for _ in range(20):
        started = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - started)
    return 1000 * min(times) * 7 / 2


def cifar10_floor(precision: str) -> float:
    """The discriminator's and generator's convolutions, forward and backward, each alone, at its best layout's rate."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    w, n = 192, 96
    trunk = [(3, n, 32, 3, 1, 1), (n, n, 32, 3, 1, 1), (n, n, 32, 3, 2, 1), (n, w, 16, 3, 1, 1), (w, w, 16, 3, 1, 1)]
    trunk += [(w, w, 16, 3, 2, 1), (w, w, 8, 3, 1, 0), (w, w, 6, 1, 1, 0), (w, w, 6, 1, 1, 0)]
    total = 0.0
    for inputs, outputs, side, kernel, stride, padding in trunk:

        def forward(x: torch.Tensor, weight: torch.Tensor, s: int = stride, p: int = padding) -> torch.Tensor:
            return functional.conv2d(x, weight, stride=s, padding=p)

        weight_shape, image = (outputs, inputs, kernel, kernel), (inputs, side, side)
        total += convolution(forward, (300, *image), weight_shape, dtype, weights=True, images=inputs > 3)
        total += 3 * convolution(forward, (100, *image), weight_shape, dtype, weights=False, images=True)
    for inputs, outputs, side in ((512, 256, 4), (256, 128, 8), (128, 3, 16)):

        def upsample(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            return functional.conv_transpose2d(x, weight, stride=2, padding=2, output_padding=1)

        shapes = (200, inputs, side, side), (inputs, outputs, 5, 5)
        total += convolution(upsample, *shapes, dtype, weights=False, images=False)
        total += 3 * convolution(upsample, *shapes, dtype, weights=True, images=True)
    return total


def convolution(
    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    image: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: torch.dtype,
    *,
    weights: bool,
    images: bool,
) -> float:
    """Milliseconds of one convolution and the gradients asked for, in the better of two memory layouts."""
    best = float("inf")
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.rand(image).to(dtype).contiguous(memory_format=layout).requires_grad_(images)
        v = torch.rand(weight).to(dtype).contiguous(memory_format=layout).requires_grad_(weights)
        for _ in range(3):
            started = time.perf_counter()
            y = forward(x, v)
            if weights or images:
                torch.autograd.grad(y, [t for t in (x, v) if t.requires_grad], torch.ones_like(y))
            best = min(best, time.perf_counter() - started)
    return 1000 * best


def technique_cost(name: str) -> Entry:
    """The CIFAR-10 step (one update of each player, batch norm, no other technique) with `name` and without it."""
    base = (*CIFAR, "technique=none", "training.generator_steps=1")
    with_it = trainer((*base, f"technique.{name}.enabled=true"), "fp32").advance
    times = alternating({"ours": with_it, "reference": trainer(base, "fp32").advance})
    return entry(f"technique_{name}", times)


def diagnostics_cost(pair: str) -> Entry:
    """The average step at the pair's log interval with what is logged of it, and without: one run, steps in turns."""
    run = trainer({"digits": (), "mnist": MNIST, "cifar10": CIFAR}[pair], "fp32")
    diagnostics = Diagnostics(run)

    def diagnosed() -> None:
        with diagnostics.watching():
            run.advance()
        torch.stack(list(diagnostics.values().values())).tolist()

    times = alternating({"reference": run.advance, "diagnosed": diagnosed})
    extra = (times["diagnosed"] - times["reference"]) / run.config.training.log_interval
    return entry(f"diagnostics_{pair}", times | {"ours": times["reference"] + extra})


def entry(name: str, times: dict[str, float]) -> Entry:
    ours, reference = times["ours"], times["reference"]
    ratio = ours / reference if name.startswith(("technique_", "diagnostics_")) else reference / ours
    return {"name": name, "ours": ours, "reference": reference, "ratio": ratio, "unit": "ms/step"}


def entries(precision: str) -> dict[str, Callable[[], Entry]]:
    """The training half of the benchmark, by name."""
    suffix = "" if precision == "fp32" else f"_{precision}"

    def against_plain(step: Callable[[str], Work], plain: Callable[[], Work], name: str) -> Entry:
        works = {"ours": step(precision), "reference": in_a_process_of_its_own(plain)}
        return entry(name + suffix, alternating(works))

    def against_floor(step: Callable[[str], Work], floor: Callable[[str], float], name: str) -> Entry:
        ours = alternating({"ours": step(precision)}, BUDGET / 2)["ours"]
        return entry(name + suffix, {"ours": ours, "reference": floor(precision)})

    found: dict[str, Callable[[], Entry]] = {
        "mnist_step_vs_plain": lambda: against_plain(mnist, plain_mnist, "mnist_step_vs_plain"),
        "mnist_step_vs_floor": lambda: against_floor(mnist, mnist_floor, "mnist_step_vs_floor"),
        "cifar10_step_vs_plain": lambda: against_plain(cifar10, plain_cifar10, "cifar10_step_vs_plain"),
        "cifar10_step_vs_floor": lambda: against_floor(cifar10, cifar10_floor, "cifar10_step_vs_floor"),
    }
    for name in (
        "feature_matching", "minibatch_discrimination", "historical_averaging", "label_smoothing", "virtual_batch_norm",
    ):  # fmt: skip
        found[f"technique_{name}"] = partial(technique_cost, name)
    for name in ("digits", "mnist", "cifar10"):
        found[f"diagnostics_{name}"] = partial(diagnostics_cost, name)
    return found


def _listed(measure: Callable[[], Entry]) -> list[Entry]:
    return [measure()]


@fast_training()  # as job=train
def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=[*entries("fp32"), *BENCHMARKS], help="measure this one alone, in under 50 s")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of our steps' matrix products")
    parser.add_argument("--full", action="store_true", help="evaluation: 5,000 images instead of 200")
    arguments = parser.parse_args()
    images = 5000 if arguments.full else 200
    evaluation = {name: partial(measure, images) for name, measure in BENCHMARKS.items()}
    training = {name: partial(_listed, measure) for name, measure in entries(arguments.precision).items()}
    chosen = training | evaluation
    results = []
    print(f"{torch.get_num_threads()} threads, medians")
    print(f"{'name':<36} {'ours':>10} {'reference':>10} {'ratio':>7}  unit")
    for name in [arguments.only] if arguments.only else chosen:
        for result in chosen[name]():
            results.append(result)
            figures = f"{result['ours']:>10.2f} {result['reference']:>10.2f} {result['ratio']:>7.3f}"
            print(f"{result['name']:<36} {figures}  {result['unit']}", flush=True)
    path = Path("outputs/benchmark.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
