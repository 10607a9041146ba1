"""Where samples lie among real images: precision and recall (arXiv 1904.06991), density and coverage (2002.09797).

Around each point of a set lies a ball that reaches to its k-th nearest neighbour in that set. All four numbers come
from one pass over the distances; precision and recall equal torch-fidelity's, which takes twice as many.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from improved_gan.exact_arithmetic import exact_fp32
from improved_gan.metrics.inputs import MetricInputs, Score

BLOCK = 2000  # rows of a distance matrix at a time


class PRDC(NamedTuple):
    """Precision, recall and coverage are shares; density is about 1 for a perfect generator and may exceed it."""

    precision: float  # of samples: those inside a ball around a real
    recall: float  # of reals: those inside a ball around a sample
    density: float  # real balls that a sample lies in, on average, over k
    coverage: float  # of real balls: those that hold a sample


@exact_fp32()
def compute_prdc(
    samples: Float[Tensor, "n feature"], reference: Float[Tensor, "m feature"], *, neighbours: int, of_density: int
) -> PRDC:
    """k is `neighbours` for precision and recall and `of_density` for density and coverage; both sets hold more.

    Worked out on the device of the features, a block of distances at a time.
    """
    inside = torch.zeros(len(samples), dtype=torch.bool, device=samples.device)
    recalled, within, covered = torch.zeros(3, dtype=torch.int64, device=samples.device).unbind()
    rows = len(samples) + 2 * len(reference)
    with tqdm(total=rows, desc="neighbours", unit="image", delay=1) as bar:
        (sample_radii,) = _radii(samples, (neighbours,), bar)
        real_radii, density_radii = _radii(reference, (neighbours, of_density), bar)
        for start in range(0, len(reference), BLOCK):
            block = slice(start, start + BLOCK)
            distances = torch.cdist(reference[block], samples)
            recalled += (distances <= sample_radii).any(dim=1).sum()
            inside |= (distances <= real_radii[block, None]).any(dim=0)
            holds = distances < density_radii[block, None]
            within += holds.sum()
            covered += holds.any(dim=1).sum()
            bar.update(len(distances))
    return PRDC(
        precision=float(inside.double().mean()),
        recall=int(recalled) / len(reference),
        density=int(within) / (of_density * len(samples)),
        coverage=int(covered) / len(reference),
    )


def _radii(points: Float[Tensor, "n feature"], neighbours: tuple[int, ...], bar: tqdm) -> list[Float[Tensor, " n"]]:
    """The distance of each point to its k-th nearest neighbour, for each k."""
    found = []
    for block in points.split(BLOCK):
        # The nearest of all is the point itself, at distance 0.
        nearest = torch.cdist(block, points).topk(max(neighbours) + 1, dim=1, largest=False).values
        found.append(nearest[:, list(neighbours)])
        bar.update(len(block))
    return list(torch.cat(found).unbind(dim=1))


def precision(inputs: MetricInputs) -> Score:
    """`precision`."""
    return _score(inputs, "precision", "precision_recall_k")


def recall(inputs: MetricInputs) -> Score:
    """`recall`."""
    return _score(inputs, "recall", "precision_recall_k")


def density(inputs: MetricInputs) -> Score:
    """`density`."""
    return _score(inputs, "density", "density_coverage_k")


def coverage(inputs: MetricInputs) -> Score:
    """`coverage`."""
    return _score(inputs, "coverage", "density_coverage_k")


def _score(inputs: MetricInputs, which: str, option: str) -> Score:
    """One of the four numbers, which are worked out together and once."""
    ours, real, reference = inputs.features("inception"), inputs.reference_features("inception"), inputs.reference
    samples, reals = ours.values, real.values
    assert samples is not None and reals is not None and reference is not None
    most = min(len(samples), len(reals)) - 1
    k, of_density = (min(inputs.options[name], most) for name in ("precision_recall_k", "density_coverage_k"))

    def find() -> PRDC:
        placed = samples.to(inputs.device), reals.to(inputs.device)
        return compute_prdc(*placed, neighbours=k, of_density=of_density)

    found = inputs.once("neighbourhoods", find)
    return Score(
        getattr(found, which),
        network=ours.network,
        reference=reference.name,
        reference_samples=len(reference),
        split=reference.split,
        details={"neighbours": k if option == "precision_recall_k" else of_density},
    )
