"""Where samples lie among real images: precision and recall (arXiv 1904.06991), density and coverage (2002.09797).

Around each point of a set lies a ball that reaches to its k-th nearest neighbour in that set.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.metrics.evidence import Evidence, Score

BLOCK = 2000  # rows of a distance matrix at a time


def precision_recall(
    samples: Float[Tensor, "n feature"], reference: Float[Tensor, "m feature"], neighbours: int
) -> tuple[float, float]:
    """Share of samples inside a ball around a real, and of reals inside a ball around a sample; by torch-fidelity."""
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    result = prc_features_to_metric(
        samples, reference, prc_neighborhood=neighbours, prc_batch_size=BLOCK, save_cpu_ram=True, verbose=False
    )
    return result[KEY_METRIC_PRECISION], result[KEY_METRIC_RECALL]


def density_coverage(
    samples: Float[Tensor, "n feature"], reference: Float[Tensor, "m feature"], neighbours: int
) -> tuple[float, float]:
    """Mean number of real balls that a sample lies in, over k; and share of real balls that hold a sample."""
    inside, covered = 0, 0
    for block in reference.split(BLOCK):
        # The nearest of all is the point itself, at distance 0.
        radii = torch.cdist(block, reference).kthvalue(neighbours + 1, dim=1).values
        within = torch.cdist(block, samples) < radii[:, None]
        inside += int(within.sum())
        covered += int(within.any(dim=1).sum())
    return inside / (neighbours * len(samples)), covered / len(reference)


def precision(evidence: Evidence) -> Score:
    """`precision`."""
    return _score(evidence, precision_recall, "neighbours", 0)


def recall(evidence: Evidence) -> Score:
    """`recall`."""
    return _score(evidence, precision_recall, "neighbours", 1)


def density(evidence: Evidence) -> Score:
    """`density`."""
    return _score(evidence, density_coverage, "density_neighbours", 0)


def coverage(evidence: Evidence) -> Score:
    """`coverage`."""
    return _score(evidence, density_coverage, "density_neighbours", 1)


def _score(
    evidence: Evidence, pair: Callable[[Tensor, Tensor, int], tuple[float, float]], option: str, which: int
) -> Score:
    """One of the two numbers of `pair`, which are worked out together and once."""
    ours, real, reference = evidence.features("inception"), evidence.reference_features("inception"), evidence.reference
    samples, reals = ours.values, real.values
    assert samples is not None and reals is not None and reference is not None
    neighbours = min(evidence.options[option], len(samples) - 1, len(reals) - 1)
    values = evidence.once(pair.__name__, lambda: pair(samples, reals, neighbours))
    return Score(
        values[which],
        network=ours.network,
        reference=reference.name,
        reference_samples=len(reference),
        split=reference.split,
        details={"neighbours": neighbours},
    )
