"""Short runs whose numbers are kept: an objective, a technique and an architecture each, and what the paper combines.

`python tests/golden/short_runs.py` writes the numbers of the code as it is to golden.json: for a deliberate change
of numbers alone. With names of cases behind it, it writes those of these cases and keeps the others: for a new variant.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does


from improved_gan.composing import compose_jobs, groups
from improved_gan.config import Config, TechniqueConfig
from improved_gan.dataset import PreparedDataset
from improved_gan.dataset.prepared import PreparedSplit
from improved_gan.training.trainer import Trainer

GOLDEN = Path(__file__).with_name("golden.json")
STEPS, IMAGES = 5, 120

SMALL = ["architecture.width=8", "architecture.generator_width=8", "architecture.latent_size=5"]
SMALL += ["technique.virtual_batch_norm.reference_size=4", "technique.minibatch_discrimination.kernels=6"]
SMALL += ["technique.minibatch_discrimination.dims=3", "technique.unrolling.steps=2", "training.batch_size=6"]
SMALL += [f"training.steps={STEPS}", "training.epochs=null", "training.threads=1", "training.precision=fp32"]
SMALL += ["device=cpu", "seed=1"]
FEW_LABELS = "dataset.labels_per_class=2"
LATER = ("spectral_norm", "r1", "packing", "minibatch_stddev", "unrolling")

PAIRS = {
    "digits_mlp": ["dataset=digits"],
    "digits_conv": ["dataset=digits"],
    "mnist_mlp": ["dataset=mnist", "objective=semi_supervised"],
    "stacked_mnist_mlp": ["dataset=stacked_mnist", "objective=non_saturating"],
    "toy_mlp": ["dataset=ring", "objective=non_saturating", "training.learning_rate=0.003"],
    "cifar10_conv": ["dataset=cifar10", FEW_LABELS],
    "svhn_conv": ["dataset=svhn", FEW_LABELS],
}
WITHOUT_LABELS = ("packing",)


def cases() -> dict[str, list[str]]:
    """The overrides of every case, by its name."""
    made = {f"objective={name}": [f"objective={name}", "technique=none"] for name in sorted(groups()["objective"])}
    for name in TechniqueConfig.__dataclass_fields__:
        objective = ["objective=non_saturating"] if name in WITHOUT_LABELS else []
        made[f"technique={name}"] = ["technique=none", *objective, f"technique.{name}.enabled=true"]
    for name, pair in PAIRS.items():
        made[f"architecture={name}"] = ["technique=none", f"architecture={name}", *pair]
    rivals = ["technique=none", "objective=non_saturating", *(f"technique.{name}.enabled=true" for name in LATER)]
    made |= {
        "later_rivals": ["architecture=digits_conv", *rivals],
        "mnist_table1": ["experiment=mnist_table1", FEW_LABELS],
        "mnist_figure3_minibatch": ["experiment=mnist_figure3", "ablation=mnist_minibatch_discrimination", FEW_LABELS],
        "cifar10_table2": ["experiment=cifar10_table2", FEW_LABELS],
        "cifar10_table3": ["experiment=cifar10_table3", FEW_LABELS],
        "cifar10_table3_minus_l_plus_ha": ["experiment=cifar10_table3", "ablation=minus_l_plus_ha", FEW_LABELS],
        "svhn": ["experiment=svhn_semi_supervised", FEW_LABELS],
        "imagenet128": [
            "experiment=imagenet128",
            "training.steps=2",
            "training.batch_size=4",
        ],
    }
    return made


def images_for(config: Config) -> PreparedDataset:
    """Random images of the shape that the architecture wants, of ten classes in turn."""
    shape = config.architecture.image_shape
    source = np.random.RandomState(0)
    if config.dataset.holds_points:
        images = source.standard_normal((IMAGES, *shape)).astype(np.float32)
    else:
        images = source.randint(0, 256, (IMAGES, *shape)).astype(np.uint8)
    split = PreparedSplit(images, np.arange(IMAGES) % 10)
    channels, height, width = shape
    return PreparedDataset("made", (channels, height, width), 10, None, split, None, "", Path("nowhere"))


def numbers_of(overrides: list[str]) -> dict[str, list[float]]:
    """Every logged loss step by step, and the norms of each network's parameters and buffers after the last."""
    config = compose_jobs([*SMALL, "dataset.validation_images=0", *overrides])[0].config
    run = Trainer(config, images_for(config))
    run.initialise()
    found: dict[str, list[float]] = {}
    for _ in range(run.total_steps):
        for name, value in run.advance().items():
            found.setdefault(name, []).append(float(value))
    for name, network in (("generator", run.pair.generator), ("discriminator", run.pair.discriminator)):
        tensors = [value for value in network.state_dict().values() if value.is_floating_point()]
        found[f"{name}_norms"] = [float(torch.linalg.vector_norm(value.double())) for value in tensors]
    return found


def rounded(numbers: dict[str, list[float]]) -> dict[str, list[float]]:
    return {key: [float(f"{value:.8g}") for value in values] for key, values in numbers.items()}


if __name__ == "__main__":
    chosen, kept = sys.argv[1:] or list(cases()), json.loads(GOLDEN.read_text())
    kept |= {name: rounded(numbers_of(cases()[name])) for name in chosen}
    lines = (f"{json.dumps(name)}: {json.dumps(kept[name])}" for name in cases())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
