"""The project's benchmark: our steps against plain loops, against the machine's floor, and what each technique costs.

    make bench                                   # all of it
    make bench ARGS="--only mnist_step_vs_plain"
    make bench ARGS="--precision bf16"           # bf16 products in our steps, reported under names of their own
    make bench ARGS="--full"                     # evaluation of 5,000 images instead of 200, 10,000 read instead of 400

Both sides of every ratio run in turns; the ratio is of medians and says how many times as fast as the reference ours is
(for technique_* and diagnostics_*: how many times as long a step takes with it as without). The plain loops run in a
process of their own, with torch's and the C library's default settings. Prints a table and writes
outputs/benchmark.json, a list of {name, ours, reference, ratio, unit}.
"""

import argparse
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
from benchmark_evaluation import BENCHMARKS as OF_EVALUATION
from benchmark_floors import cifar10_floor, mnist_floor
from benchmark_imagenet import BENCHMARKS as OF_READING
from plain_loops import PlainCifar, PlainMnist

from improved_gan.composing import compose_jobs
from improved_gan.dataset.prepared import PreparedDataset, PreparedSplit
from improved_gan.kernels.minibatch_features import minibatch_features, plain_minibatch_features
from improved_gan.training.device import fast_training
from improved_gan.training.diagnostics import Diagnostics
from improved_gan.training.trainer import Trainer

BENCHMARKS = OF_EVALUATION | OF_READING
BUDGET, TURN = 40.0, 0.5  # seconds an entry, and one side's turn within it
MNIST, CIFAR = ("experiment=mnist_table1",), ("experiment=cifar10_table3",)
MNIST_BARE = (*MNIST, "technique.feature_matching.enabled=false")
CIFAR_BARE = (*CIFAR, "technique=none", "training.generator_steps=1")  # one update of each player, batch norm
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


def technique_cost(technique: str, base: tuple[str, ...] = CIFAR_BARE, suffix: str = "") -> Entry:
    """The step of `base`, which has no technique, with this one and without it."""
    with_it = trainer((*base, f"technique.{technique}.enabled=true"), "fp32").advance
    times = alternating({"ours": with_it, "reference": trainer(base, "fp32").advance})
    return entry(f"technique_{technique}{suffix}", times)


def closeness_cost() -> Entry:
    """A batch's sums of minibatch discrimination, forward and backward, and the same in one line of PyTorch."""
    projected = torch.randn(100, 100, 5, requires_grad=True)  # examples, kernels, dims

    def both_ways(sums: Callable[[torch.Tensor], torch.Tensor]) -> Work:
        return lambda: torch.autograd.grad(sums(projected).sum(), projected)

    return entry(
        "minibatch_sums_vs_plain",
        alternating(
            {"ours": both_ways(minibatch_features), "reference": both_ways(plain_minibatch_features)}, BUDGET / 4
        ),
        "ms/batch",
    )


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


def entry(name: str, times: dict[str, float], unit: str = "ms/step") -> Entry:
    ours, reference = times["ours"], times["reference"]
    ratio = ours / reference if name.startswith(("technique_", "diagnostics_")) else reference / ours
    return {"name": name, "ours": ours, "reference": reference, "ratio": ratio, "unit": unit}


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
    found["technique_minibatch_discrimination_mnist"] = partial(
        technique_cost, "minibatch_discrimination", MNIST_BARE, "_mnist"
    )
    found["minibatch_sums_vs_plain"] = closeness_cost
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
    print(f"{'name':<42} {'ours':>10} {'reference':>10} {'ratio':>7}  unit")
    for name in [arguments.only] if arguments.only else chosen:
        for result in chosen[name]():
            results.append(result)
            figures = f"{result['ours']:>10.2f} {result['reference']:>10.2f} {result['ratio']:>7.3f}"
            print(f"{result['name']:<42} {figures}  {result['unit']}", flush=True)
    path = Path("outputs/benchmark.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
