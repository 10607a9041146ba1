"""Samples that look like each other (the birthday test, arXiv 1706.08224) or like training images (memorising).

Both by Euclidean distance of pixels in 0..1, both with a picture: whether two images are the same is for eyes to say.
"""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from tqdm import tqdm

from improved_gan.metrics.inputs import ImageGrid, MetricInputs, MetricUnavailable, Score

BATCHES, BATCH_SIZE = 20, 400  # of the birthday test
PAIRS_SHOWN = 20
LOOKED_AT = 500  # samples whose nearest training images are sought
ROWS, COLUMNS = 16, 6  # of the picture: a sample and its nearest training images
BLOCK = 10_000  # training images that are floating-point numbers at a time


def nearest_pairs(points: Float[Tensor, "n pixel"], count: int) -> tuple[Int[Tensor, "pair 2"], Float[Tensor, " pair"]]:
    """The `count` closest pairs (i < j) among n points, closest first, and their distances."""
    i, j = torch.triu_indices(len(points), len(points), offset=1)
    rough = torch.cdist(points.double(), points.double())[i, j]
    closest = rough.topk(min(count, len(rough)), largest=False).indices
    i, j = i[closest], j[closest]
    return torch.stack([i, j], dim=1), (points[i] - points[j]).norm(dim=1)


def nearest_neighbours(
    points: Float[Tensor, "n pixel"], among: UInt8[np.ndarray, "m channel height width"], count: int
) -> tuple[Int[Tensor, "n nearest"], Float[Tensor, "n nearest"]]:
    """For each point the `count` nearest images of `among`, nearest first, and their distances."""
    kept: list[tuple[Tensor, Tensor]] = []
    for start in tqdm(range(0, len(among), BLOCK), desc="nearest images", unit="block", delay=1):
        block = _flat(among[start : start + BLOCK])
        found = torch.cdist(points, block).topk(min(count, len(block)), largest=False)
        kept.append((found.values, found.indices + start))
    rough, indices = (torch.cat(parts, dim=1) for parts in zip(*kept, strict=True))
    indices = indices.gather(1, rough.topk(min(count, rough.shape[1]), largest=False).indices)
    # What the matrix product left of small distances is rounding: those of the nearest are worked out anew.
    exact = [(_flat(among[indices[:, k].numpy()]) - points).norm(dim=1) for k in range(indices.shape[1])]
    distances, order = torch.stack(exact, dim=1).sort(dim=1)
    return indices.gather(1, order), distances


def birthday_test(inputs: MetricInputs) -> Score:
    """`birthday_test`: share of batches with a pair of samples closer than any pair in as many batches of reals.

    A share of one half for batches of s suggests about s^2 different images (`support`, where the share is at least
    that).
    """
    samples, reference = inputs.samples.images, inputs.reference
    assert reference is not None
    size = min(BATCH_SIZE, min(len(samples), len(reference)) // 2)
    if size < 2:
        raise MetricUnavailable("requires at least 4 images")
    batches = min(BATCHES, len(samples) // size, len(reference) // size)
    threshold = min(
        float(nearest_pairs(_flat(reference.images[k * size : (k + 1) * size]), 1)[1][0]) for k in range(batches)
    )
    found: list[tuple[float, int, int]] = []
    closest = []
    for k in tqdm(range(batches), desc="birthday test", unit="batch", delay=1):
        pairs, distances = nearest_pairs(_flat(samples[k * size : (k + 1) * size]), PAIRS_SHOWN)
        closest.append(float(distances[0]))
        found += [
            (float(distance), int(i) + k * size, int(j) + k * size)
            for (i, j), distance in zip(pairs, distances, strict=True)
        ]
    shown = [index for _, i, j in sorted(found)[:PAIRS_SHOWN] for index in (i, j)]
    share = sum(distance < threshold for distance in closest) / batches
    return Score(
        share,
        samples=batches * size,
        network="pixels",
        reference=reference.name,
        reference_samples=batches * size,
        split=reference.split,
        details={
            "batches": batches,
            "batch_size": size,
            "closest_pair": min(closest),
            "closest_pair_of_reals": threshold,
            **({"support": size**2} if share >= 0.5 else {}),
        },
        pictures=(ImageGrid("birthday_pairs", torch.from_numpy(samples[shown]), 8),),
    )


def nearest_training_ratio(inputs: MetricInputs) -> Score:
    """`nearest_training_ratio`: samples' median distance to the nearest training image, over held-out reals'."""
    train, held_out = inputs.reference, inputs.held_out
    assert train is not None and held_out is not None
    if train.split != "train":
        raise MetricUnavailable("requires metrics.reference_split=train")
    samples = inputs.samples.images[:LOOKED_AT]
    nearest, distances = nearest_neighbours(_flat(samples), train.images, COLUMNS - 1)
    _, of_reals = nearest_neighbours(_flat(held_out.images[:LOOKED_AT]), train.images, 1)
    rows = [
        np.concatenate([samples[row : row + 1], np.array(train.images[nearest[row].numpy()])])
        for row in range(min(ROWS, len(samples)))
    ]
    picture = ImageGrid("nearest_training_images", torch.from_numpy(np.concatenate(rows)), 1 + nearest.shape[1])
    usual = float(of_reals[:, 0].median())
    return Score(
        float(distances[:, 0].median()) / usual,
        samples=len(samples),
        network="pixels",
        reference=train.name,
        reference_samples=len(train),
        split="train",
        details={"distance_of_held_out": usual, "identical": int((distances[:, 0] < 1e-3).sum())},
        pictures=(picture,),
    )


def _flat(images: UInt8[np.ndarray, "n channel height width"]) -> Float[Tensor, "n pixel"]:
    return torch.from_numpy(np.array(images)).flatten(1).float() / 255
