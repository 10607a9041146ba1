"""Whether Table 1's fast step learns as the same step written plainly does: 15 epochs, 100 labels, several seeds.

    .venv/bin/python scripts/learning_curves.py train fast 1 2 3     # some 7 minutes a seed, on one thread
    .venv/bin/python scripts/learning_curves.py train plain 1 2 3    # twice as long
    .venv/bin/python scripts/learning_curves.py train bf16 1 2 3
    .venv/bin/python scripts/learning_curves.py draw
    .venv/bin/python scripts/learning_curves.py decide                # does it learn in bf16 as in fp32?

`train` keeps each curve in docs/results/data/learning_curves and skips those that are there; `draw` writes
learning_curves.png and prints a table; `decide` says what architecture.learns_in_bf16 is to be. A seed gives both ways
of writing the step the same weights to start from, the same labels and the same batches.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import mean, stdev
from unittest.mock import patch

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.files import atomic_write
from improved_gan.layers import noise
from improved_gan.layers.discriminator import Discriminator
from improved_gan.layers.weight_norm import WeightNorm, WeightNormLinear
from improved_gan.metrics.test_error import count_errors
from improved_gan.report.plots import COLOURS, STYLE
from improved_gan.training.device import fast_training
from improved_gan.training.trainer import Trainer

EPOCHS = 15
FP32_SEEDS, BF16_SEEDS = 5, 3  # that the decision requires
RESULTS = Path(__file__).parents[1] / "docs" / "results"
KEPT = RESULTS / "data" / "learning_curves"
TABLE1 = ("experiment=mnist_table1", "dataset.labels_per_class=10", "device=cpu", "training.threads=1")
Curve = dict[str, list[float]]  # "averaged" and "current" weights: the share of wrong test answers after each epoch


def a_pass_each(discriminator: Discriminator, *batches: Tensor) -> list[Tensor]:
    """The features of each batch, from a pass of its own."""
    return [discriminator.trunk(batch) for batch in batches]


@contextmanager
def written_plainly() -> Iterator[None]:
    """A pass a batch, a draw of torch's normals a layer, and weight norm's gradient left to autograd."""
    with (
        patch.object(noise, "MANY", sys.maxsize),
        patch.object(Discriminator, "features", a_pass_each),
        patch.object(WeightNormLinear, "preactivations", WeightNorm.preactivations),
    ):
        yield


WAYS: dict[str, tuple[Callable[[], AbstractContextManager[None]], str]] = {
    "fast": (nullcontext, "fp32"),  # the step that trains and that the benchmark times
    "plain": (written_plainly, "fp32"),
    "bf16": (nullcontext, "bf16"),
}


def trainer(seed: int, precision: str) -> Trainer:
    """Table 1's run of this seed, at its beginning."""
    (request,) = compose_jobs([*TABLE1, f"seed={seed}", f"training.precision={precision}"])
    made = Trainer(request.config, dataset.load(request.config.dataset, Path(request.config.data_root)))
    made.initialise()
    return made


def learn(run: Trainer, epochs: int) -> Curve:
    """The learning curve of a run from its beginning."""
    player, curve = run.pair.discriminator_player, Curve(averaged=[], current=[])
    for _ in tqdm(range(epochs), unit="epoch"):
        for _ in range(run.steps_per_epoch):
            run.advance()
        curve["averaged"].append(_error(run))
        with patch.object(player, "average", None):
            curve["current"].append(_error(run))
    return curve


def _error(run: Trainer) -> float:
    logits, labels = run.class_logits()
    return count_errors(logits, labels) / len(labels)


def train(way: str, seeds: Sequence[int]) -> None:
    """Keep the curves of these seeds that are not kept yet."""
    in_this_way, precision = WAYS[way]
    for seed in seeds:
        path = KEPT / f"{way}_seed_{seed}.json"
        if path.exists():
            continue
        run = trainer(seed, precision)
        with in_this_way():
            curve = learn(run, EPOCHS)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write((json.dumps({"torch": torch.__version__} | curve) + "\n").encode())


def kept() -> dict[str, list[Curve]]:
    """The curves of each way that has any, by seed."""
    curves = {way: [json.loads(p.read_text()) for p in sorted(KEPT.glob(f"{way}_seed_*.json"))] for way in WAYS}
    return {way: found for way, found in curves.items() if found}


def decide(fp32: Sequence[Curve], bf16: Sequence[Curve]) -> tuple[bool, str]:
    """Whether bf16 learns as fp32 does, and why: each run's mean error over the last third within fp32's mean +- 3 sd.

    Settled before any curve: fp32 on five seeds, bf16 on three. A run that diverges is far outside.
    """
    if len(fp32) < FP32_SEEDS or len(bf16) < BF16_SEEDS:
        wanted = f"requires {FP32_SEEDS} curves of fp32 and {BF16_SEEDS} of bf16"
        return False, f"{wanted}, and {len(fp32)} and {len(bf16)} are kept"
    said, learns = [], True
    for weights in ("averaged", "current"):
        theirs, ours = ([_last_third(curve[weights]) for curve in curves] for curves in (fp32, bf16))
        low, high = mean(theirs) - 3 * stdev(theirs), mean(theirs) + 3 * stdev(theirs)
        learns = learns and all(low <= error <= high for error in ours)
        errors = ", ".join(f"{error:.3f}" for error in ours)
        said.append(f"{weights} weights: fp32's range {low:.3f} to {high:.3f}, bf16 {errors}")
    return learns, "; ".join(said)


def _last_third(errors: list[float]) -> float:
    return mean(errors[-(len(errors) // 3) :])


def draw() -> None:
    """A panel for averaged and for current weights, a colour for each way; and the table."""
    curves = kept()
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
        for axes, weights in zip(figure.subplots(1, 2, sharey=True), ("averaged", "current"), strict=True):
            for colour, (way, found) in zip(COLOURS, curves.items(), strict=False):
                for number, curve in enumerate(found):
                    label = f"{way}, {len(found)} seeds" if number == 0 else None
                    axes.plot(range(1, EPOCHS + 1), curve[weights], color=colour, lw=1.2, label=label)
            axes.set(title=f"{weights} weights", xlabel="epoch", ylabel="test error", yscale="log")
            axes.set_yticks([0.3, 0.2, 0.1, 0.05], ["30 %", "20 %", "10 %", "5 %"])
            axes.minorticks_off()
            axes.legend(frameon=False)
        figure.savefig(RESULTS / "learning_curves.png", metadata={"Software": None})
    print("| step | weights | " + " | ".join(f"epoch {epoch}" for epoch in (5, 10, 15)) + " |\n|---|---|---|---|---|")
    for way, found in curves.items():
        for weights in ("averaged", "current"):
            at = [[100 * curve[weights][epoch - 1] for curve in found] for epoch in (5, 10, 15)]
            cells = [f"{mean(v):.1f}" + (f" ± {stdev(v):.1f}" if len(v) > 1 else "") for v in at]
            print(f"| {way} | {weights} | " + " | ".join(cells) + " |")
    if len(curves.get("plain", [])) < 2:
        return
    for way in curves.keys() - {"plain"}:
        for weights in ("averaged", "current"):
            ours, plain = ([curve[weights] for curve in curves[each]] for each in (way, "plain"))
            print(f"{way}, {weights}: {_against(ours, plain)}")


def _against(ours: list[list[float]], plain: list[list[float]]) -> str:
    """How far curves are from the plain step's, over all epochs."""
    epochs = list(zip(zip(*ours, strict=True), zip(*plain, strict=True), strict=True))
    apart = max(abs(mean(a) - mean(b)) / stdev(b) for a, b in epochs)
    within = sum(min(b) <= error <= max(b) for a, b in epochs for error in a)
    count = sum(len(a) for a, _ in epochs)
    return f"means at most {apart:.2f} of plain's deviation apart; {within} of {count} errors within plain's range"


@fast_training()  # as job=train
def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="keep the learning curves of some seeds")
    training.add_argument("way", choices=WAYS)
    training.add_argument("seeds", type=int, nargs="+")
    commands.add_parser("draw", help="draw and print what is kept")
    commands.add_parser("decide", help="say whether bf16 learns as fp32 does")
    asked = parser.parse_args()
    if asked.command == "train":
        train(asked.way, asked.seeds)
    elif asked.command == "decide":
        learns, why = decide(kept().get("fast", []), kept().get("bf16", []))
        print(f"learns_in_bf16: {str(learns).lower()} ({why})")
    else:
        draw()


if __name__ == "__main__":
    main()
