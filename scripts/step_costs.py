"""Time a step of every setting of a study whose runs are to cost the same; prints `search.step_milliseconds`.

    OMP_NUM_THREADS=1 python scripts/step_costs.py study/at_its_best/ring

CPU time of one thread, the least of several rounds (others on the machine only ever add), rounds of all settings taking
turns. Done once: the printed lines go into the study's file, so that no machine changes how long its runs are.
"""

import argparse
import sys
import time
from itertools import product
from pathlib import Path

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.training.device import fast_training
from improved_gan.training.trainer import Trainer

CHANGE_COST = (  # the others of the spaces change what a step finds, not what it does
    "training.generator_steps",
    "technique.minibatch_discrimination.kernels",
    "technique.minibatch_discrimination.dims",
    "technique.packing.pack_size",
    "technique.unrolling.steps",
    "technique.virtual_batch_norm.reference_size",
)
WARM_UP, STEPS, ROUNDS = 3, 12, 5


def settings(experiment: str) -> list[str]:
    """The words of every setting of every row that a step's cost depends on."""
    found = []
    for row in compose_jobs(["-m", f"experiment={experiment}"]):
        assert row.config.search is not None
        (ablation,) = (word for word in row.overrides if word.startswith("ablation="))
        keys = [key for key in CHANGE_COST if key in row.config.search.space]
        for values in product(*(row.config.search.space[key] for key in keys)):
            found.append(" ".join([ablation, *(f"{key}={value}" for key, value in zip(keys, values, strict=True))]))
    return found


@fast_training()
def milliseconds(experiment: str, names: list[str]) -> dict[str, float]:
    """CPU milliseconds of a step of each setting."""
    trainers = {}
    for name in names:
        (run,) = compose_jobs([f"experiment={experiment}", "job=train", "device=cpu", *name.split()])
        trainers[name] = Trainer(run.config, dataset.load(run.config.dataset, Path(run.config.data_root)))
        trainers[name].initialise()
        for _ in range(WARM_UP):
            trainers[name].advance()
    least = dict.fromkeys(names, float("inf"))
    for _ in range(ROUNDS):
        for name, trainer in trainers.items():
            begun = time.thread_time()
            for _ in range(STEPS):
                trainer.advance()
            least[name] = min(least[name], 1000 * (time.thread_time() - begun) / STEPS)
        print(".", end="", file=sys.stderr, flush=True)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", help="study/at_its_best/ring, say")
    experiment = parser.parse_args().experiment
    for name, cost in milliseconds(experiment, settings(experiment)).items():
        print(f"    {name}: {cost:.3g}")


if __name__ == "__main__":
    main()
