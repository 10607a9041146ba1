"""Features of many images by one network, in one pass: statistics in float64 and, if asked for, the features."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor
from tqdm import tqdm


@runtime_checkable
class FeatureExtractor(Protocol):
    """A network with its weights loaded; `name` tells it from every other network, weights included."""

    name: str
    batch_size: int  # images at a time; changes no result beyond rounding
    device: torch.device

    def __call__(
        self, images: UInt8[Tensor, "n channel height width"]
    ) -> tuple[Float[Tensor, "n feature"], Float[Tensor, "n classes"]]:
        """Features and class logits, float32."""
        ...


@dataclass(frozen=True)
class Moments:
    """Mean and covariance (divisor n - 1) of features."""

    count: int
    mean: Float64[Tensor, " feature"]
    covariance: Float64[Tensor, "feature feature"]


@dataclass(frozen=True)
class ClassStatistics:
    """All that an inception score needs of class probabilities p, in contiguous splits."""

    counts: Float64[Tensor, " split"]  # images in each split
    summed: Float64[Tensor, "split classes"]  # sum of p
    negentropy: Float64[Tensor, " split"]  # sum over images and classes of p log p


@dataclass(frozen=True)
class Features:
    """What a network makes of a set of images; `values` and `logits` only where a metric `keeps_features`."""

    network: str
    moments: Moments
    classes: ClassStatistics
    values: Float[Tensor, "n feature"] | None
    logits: Float[Tensor, "n classes"] | None


class RunningMoments:
    """Mean and scatter of features that come in batches (Chan, Golub and LeVeque's update), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.scatter: Tensor | float = 0.0  # sum of (x - mean)(x - mean)^T

    def add(self, features: Float[Tensor, "n feature"]) -> None:
        """Take `features` in."""
        batch = features.double()
        mean, total = batch.mean(dim=0), self.count + len(batch)
        centred, shift = batch - mean, mean - self.mean
        self.scatter = self.scatter + centred.T @ centred
        self.scatter += torch.outer(shift, shift) * (self.count * len(batch) / total)
        self.mean = self.mean + shift * (len(batch) / total)
        self.count = total

    def moments(self) -> Moments:
        """Of all features so far; at least 2 of them."""
        assert isinstance(self.mean, Tensor) and isinstance(self.scatter, Tensor) and self.count > 1
        return Moments(self.count, self.mean.cpu(), self.scatter.cpu() / (self.count - 1))


class ClassSums:
    """Class probabilities that come in batches, summed over `splits` contiguous parts of `count` images, in float64."""

    def __init__(self, count: int, splits: int) -> None:
        self.ends = torch.tensor([(i + 1) * count // splits for i in range(splits)])  # as torch-fidelity cuts
        self.seen = 0
        self.counts = torch.zeros(splits, dtype=torch.float64)
        self.negentropy = torch.zeros(splits, dtype=torch.float64)
        self.summed: Tensor | None = None

    def add(self, logits: Float[Tensor, "n classes"]) -> None:
        """Take in the softmax of `logits`, the next n images in order."""
        log_p = logits.double().log_softmax(dim=1)
        p = log_p.exp()
        if self.summed is None:  # the sums lie where the logits come from
            self.summed = p.new_zeros(len(self.ends), p.shape[1])
            self.ends, self.counts, self.negentropy = (
                part.to(p.device) for part in (self.ends, self.counts, self.negentropy)
            )
        numbers = torch.arange(self.seen, self.seen + len(p), device=p.device)
        split = torch.searchsorted(self.ends, numbers, right=True)
        self.counts.index_add_(0, split, torch.ones_like(numbers, dtype=torch.float64))
        self.negentropy.index_add_(0, split, (p * log_p).sum(dim=1))
        self.summed.index_add_(0, split, p)
        self.seen += len(p)

    def statistics(self) -> ClassStatistics:
        """Of all images so far."""
        assert self.summed is not None
        return ClassStatistics(self.counts.cpu(), self.summed.cpu(), self.negentropy.cpu())


@torch.inference_mode()
def extract(
    network: FeatureExtractor,
    images: UInt8[np.ndarray, "n channel height width"],
    *,
    splits: int,
    keep: bool,
    description: str | None = None,
) -> Features:
    """Features of `images`, with a bar on stderr; without `keep`, memory does not grow with their number."""
    moments, classes = RunningMoments(), ClassSums(len(images), splits)
    values: list[Tensor] = []
    logits: list[Tensor] = []
    with tqdm(total=len(images), desc=description, unit="image", disable=description is None, delay=1) as bar:
        for start in range(0, len(images), network.batch_size):
            batch = torch.from_numpy(np.array(images[start : start + network.batch_size]))
            if network.device.type == "cuda":
                batch = batch.pin_memory().to(network.device, non_blocking=True)
            batch_values, batch_logits = network(batch)
            moments.add(batch_values)
            classes.add(batch_logits)
            if keep:
                values.append(batch_values.float().cpu())
                logits.append(batch_logits.float().cpu())
            bar.update(len(batch))
    return Features(
        network.name,
        moments.moments(),
        classes.statistics(),
        torch.cat(values) if keep else None,
        torch.cat(logits) if keep else None,
    )
