"""Wasserstein distances of samples and reals: by a critic, over random directions, and exactly on minibatches."""

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor
from tqdm import tqdm

from improved_gan.metrics.discriminator_metrics import halves
from improved_gan.metrics.inputs import ImageSet, MetricInputs, Score

PROJECTIONS = 512
MINIBATCHES, MINIBATCH_SIZE = 10, 500
BLOCK = 5000  # images that are floating-point numbers at a time


def sliced_wasserstein_distance(
    first: Float[Tensor, "n direction"], second: Float[Tensor, "n direction"]
) -> tuple[float, float]:
    """Root of the mean over directions of W_2^2, and its standard error, of points projected on each direction."""
    squares = (_sorted(first) - _sorted(second)).double().square().mean(dim=0)
    value = float(squares.mean().sqrt())
    error = float(squares.std()) / math.sqrt(len(squares))
    return value, error / (2 * value) if value > 0 else 0.0


def _sorted(points: Float[Tensor, "n direction"]) -> Float[Tensor, "n direction"]:
    """Each column in order: by NumPy, which takes a tenth of torch's time on a CPU."""
    return torch.from_numpy(np.sort(points.T.contiguous().numpy(), axis=1)).T.contiguous()


def directions(size: int, count: int, seed: int) -> Float[Tensor, "{size} {count}"]:
    """Unit vectors, uniformly distributed."""
    drawn = torch.randn(size, count, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=0)


def earth_movers_distance_between(first: Float[Tensor, "n feature"], second: Float[Tensor, "n feature"]) -> float:
    """Exact W_1 with Euclidean cost between two equally large sets of points, each of the same weight."""
    import ot

    return float(ot.emd2([], [], torch.cdist(first.double(), second.double()).numpy()))


def sliced_wasserstein(inputs: MetricInputs) -> Score:
    """`sliced_wasserstein`: over pixels in 0..1, or points as they are, of as many reals as samples."""
    samples, reference = inputs.samples, inputs.reference
    assert reference is not None
    count = min(len(samples), len(reference))
    along = directions(int(np.prod(samples.images.shape[1:])), PROJECTIONS, inputs.seed)
    value, spread = sliced_wasserstein_distance(
        _projected(samples.images[:count], along), _projected(reference.images[:count], along)
    )
    space = "pixels" if samples.images.dtype == np.uint8 else "coordinates"
    return _score(value, spread, f"{PROJECTIONS} directions", "stderr", count, reference, space, directions=PROJECTIONS)


def earth_movers_distance(inputs: MetricInputs) -> Score:
    """`earth_movers_distance`: over the classifier's features; reals among themselves stand beside it, as the floor."""
    ours, real, reference = (
        inputs.features("classifier"),
        inputs.reference_features("classifier"),
        inputs.reference,
    )
    assert ours.values is not None and real.values is not None and reference is not None
    size = min(MINIBATCH_SIZE, len(ours.values), len(real.values) // 2)
    source = torch.Generator().manual_seed(inputs.seed)
    distances, floor = [], []
    for _ in tqdm(range(MINIBATCHES), desc="earth mover's distance", unit="minibatch", delay=1):
        fake = ours.values[torch.randperm(len(ours.values), generator=source)[:size]]
        first, second = real.values[torch.randperm(len(real.values), generator=source)[: 2 * size]].split(size)
        distances.append(earth_movers_distance_between(fake, first))
        floor.append(earth_movers_distance_between(first, second))
    return _score(
        float(np.mean(distances)),
        float(np.std(distances)),
        f"{MINIBATCHES} minibatches of {size}",
        "std",
        size,
        reference,
        ours.network,
        between_reals=float(np.mean(floor)),
    )


def wasserstein_critic(inputs: MetricInputs) -> Score:
    """`wasserstein_critic`: E f(real) - E f(sample) of a critic (arXiv 1704.00028) trained on the other halves of both.

    In pixels of -1..1, f divided by its gradient norm: a bound from below, so far as that is the same everywhere.
    """
    held_out = inputs.held_out
    assert held_out is not None and inputs.train_critic is not None
    count = min(len(held_out), len(inputs.samples))
    train, test = halves(count, inputs.seed)
    critic = inputs.train_critic("critic", held_out.images[train], inputs.samples.images[train], inputs.seed)
    real, fake = critic(held_out.images[test]).double(), critic(inputs.samples.images[test]).double()
    error = float(((real.var() + fake.var()) / len(test)).sqrt())
    return _score(
        float(real.mean() - fake.mean()),
        error,
        f"{2 * len(test)} images",
        "stderr",
        len(test),
        held_out,
        "fresh critic",
        trained_on=2 * len(train),
    )


def _projected(
    images: Real[np.ndarray, "n channel height width"], along: Float[Tensor, "pixel direction"]
) -> Float[Tensor, "n direction"]:
    scale = 255 if images.dtype == np.uint8 else 1
    blocks = [np.array(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK)]
    return torch.cat([torch.from_numpy(block).flatten(1).float() / scale @ along for block in blocks])


def _score(
    value: float,
    spread: float,
    over: str,
    spread_is: Literal["std", "stderr"],
    count: int,
    reference: ImageSet,
    network: str,
    **details: float,
) -> Score:
    return Score(
        value,
        spread,
        over,
        spread_is,
        samples=count,
        network=network,
        reference=reference.name,
        reference_samples=count,
        split=reference.split,
        details=details,
    )
