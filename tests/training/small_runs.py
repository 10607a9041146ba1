"""Pairs small enough for the tests of training, on data that is made or comes with scikit-learn."""

from pathlib import Path

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.training.trainer import Trainer

PAIRS = {
    "digits": ("dataset=digits", "architecture=digits_mlp"),
    "digits_conv": ("dataset=digits", "architecture=digits_conv"),
    "mnist": ("dataset=mnist", "architecture=mnist_mlp"),
    "cifar10": ("dataset=cifar10", "architecture=cifar10_conv"),
    "svhn": ("dataset=svhn", "architecture=svhn_conv"),
}
SMALL = ("architecture.width=8", "architecture.generator_width=8", "training.threads=1", "training.steps=10")


def small_trainer(*overrides: str) -> Trainer:
    """A run of ten steps on the digits, initialised, without any technique but those asked for."""
    config = compose_jobs(["technique=none", *SMALL, *overrides])[0].config
    made = Trainer(config, dataset.load(config.dataset, Path("nowhere")))
    made.initialise()
    return made
