"""What a metric works from, and what it makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Real, UInt8
from torch import Tensor

from improved_gan.metrics.extraction import Features


class MetricUnavailable(Exception):
    """Raised when a metric cannot be computed; the message names the missing input."""


@dataclass(frozen=True)
class ImageSet:
    """Images, 0..255, or points of one origin with what identifies them: two sets of one `key` hold the same images."""

    name: str  # "cifar10", for people
    key: str  # content checksum, split and which images, for caches
    images: Real[np.ndarray, "n channel height width"]
    labels: Int64[np.ndarray, " n"] | None = None
    split: str | None = None  # "train" or "test", of a data set
    drawn: Mapping[str, int] = field(default_factory=dict)  # how a generator drew them: seed and batch size

    def __len__(self) -> int:
        return len(self.images)


class Modes(NamedTuple):
    """Where the modes of points are known to lie: isotropic Gaussians, with their share of the points."""

    centres: Float64[Tensor, "mode coordinate"]
    deviations: Float64[Tensor, " mode"]
    weights: Float64[Tensor, " mode"]  # their sum is 1


@dataclass(frozen=True)
class EvalDiscriminator:
    """A run's discriminator: a function of any number of images, in batches of the size that it was trained with."""

    real_score: Callable[[Real[np.ndarray, "n channel height width"]], Float[Tensor, " n"]]  # logit of "this is real"
    class_logits: Callable[[Real[np.ndarray, "n channel height width"]], Float[Tensor, "n classes"]] | None
    batch_size: int
    gives_probability: bool = True  # sigmoid(real_score) is D, as log D needs; else its sign alone means something


# Features of a set by the network of a name ("inception", "classifier"): extracted at the first call, then remembered.
FeaturesOf = Callable[[str, ImageSet], Features]

# Trains a "discriminator" or a "critic" on reals and samples with a seed: a function of images, one value for each.
TrainCritic = Callable[
    [str, UInt8[np.ndarray, "n channel height width"], UInt8[np.ndarray, "m channel height width"], int],
    Callable[[UInt8[np.ndarray, "k channel height width"]], Float[Tensor, " k"]],
]


@dataclass(frozen=True)
class MetricInputs:
    """Everything that the metrics asked for may use. What a metric declared as needed is never None."""

    samples: ImageSet
    reference: ImageSet | None  # real images, of the split that the protocol names
    features_of: FeaturesOf
    held_out: ImageSet | None = None  # real images that were not trained on
    discriminator: EvalDiscriminator | None = None
    seed: int = 0  # of whatever a metric draws
    options: Mapping[str, Any] = field(default_factory=dict)  # the protocol: keys of the `metrics` group
    train_critic: TrainCritic | None = None
    modes: Modes | None = None  # of points; images have a classifier's classes
    device: torch.device = torch.device("cpu")  # where distances between features are worked out

    memory: dict[str, Any] = field(default_factory=dict)

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """`make()`, called only once for each `what`: for work that several metrics share."""
        if what not in self.memory:
            self.memory[what] = make()
        return self.memory[what]

    def features(self, network: str) -> Features:
        """Of the samples."""
        return self.features_of(network, self.samples)

    def reference_features(self, network: str) -> Features:
        """Of the real images."""
        assert self.reference is not None
        return self.features_of(network, self.reference)


@dataclass(frozen=True)
class ImageGrid:
    """Images to look at, `columns` in a row."""

    name: str
    images: UInt8[Tensor, "n channel height width"]
    columns: int


@dataclass(frozen=True)
class Score:
    """A value and everything that it depends on; `details` go into summary.json beside it."""

    value: float
    spread: float | None = None  # over splits, subsets, repetitions or images: `spread_over` says which
    spread_over: str | None = None
    spread_is: Literal["std", "stderr"] = "std"  # a standard deviation, or the value's standard error
    samples: int | None = None  # None: all the samples of the inputs
    of_generator: bool = True  # False: of real images alone, however samples were drawn
    network: str | None = None  # what the features come from, with its checksum
    reference: str | None = None  # None: not compared with real images
    reference_samples: int | None = None
    split: str | None = None  # of the reference
    warning: str | None = None  # shown wherever the value is shown
    details: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[ImageGrid, ...] = ()


def as_entry(score: Score, samples: ImageSet) -> dict[str, Any]:
    """A score of `samples` as summary.json has it."""
    known = {
        "value": score.value,
        score.spread_is: score.spread,
        f"{score.spread_is}_over": score.spread_over,
        "samples": score.samples or len(samples),
        "split": score.split,
        "features": score.network,
        "reference": score.reference,
        "reference_samples": score.reference_samples,
        "warning": score.warning,
    }
    drawn = {f"sampling_{key}": value for key, value in samples.drawn.items() if score.of_generator}
    return {key: value for key, value in known.items() if value is not None} | drawn | dict(score.details)
