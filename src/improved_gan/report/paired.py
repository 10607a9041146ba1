"""Two rows that were run on the same seeds: their difference, paired by seed, and what a search of n trials finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float
from scipy import stats

MOST_PAIRS = 20  # 2^20 assignments of signs are counted one by one


@dataclass(frozen=True)
class PairedDifference:
    """The mean of the differences, Student's interval of it, and the p value of the exact sign-flip test."""

    mean: float
    low: float | None  # None: one pair
    high: float | None
    p: float
    pairs: int


def paired_difference(
    values: Sequence[float | None], reference: Sequence[float | None], confidence: float = 0.95
) -> PairedDifference | None:
    """`values` less `reference`, over the seeds (places) where both have one; None where there is none."""
    both = [(v, r) for v, r in zip(values, reference, strict=True) if v is not None and r is not None]
    differences = np.array([v - r for v, r in both])
    if not both:
        return None
    low = high = None
    if len(both) > 1:
        quantile = stats.t.ppf((1 + confidence) / 2, len(both) - 1)
        half = float(quantile * differences.std(ddof=1) / np.sqrt(len(both)))
        low, high = float(differences.mean()) - half, float(differences.mean()) + half
    return PairedDifference(float(differences.mean()), low, high, sign_flip_test(differences), len(both))


def sign_flip_test(differences: Float[np.ndarray, " pair"]) -> float:
    """Two-sided p: the share of all assignments of signs whose sum is at least as far from 0 as the one that was found.

    Exact where the differences would be as likely with the other sign, if the two rows were alike; at most 20 of them.
    """
    assert 0 < len(differences) <= MOST_PAIRS
    sums = np.zeros(1)
    for difference in np.abs(differences):
        sums = np.concatenate([sums + difference, sums - difference])
    found = abs(float(np.sum(differences)))
    rounding = 1e-12 * float(np.abs(differences).sum())
    return float(np.mean(np.abs(sums) >= found - rounding))


def best_of(values: Sequence[float]) -> list[float]:
    """The least value that is to be expected of n of these trials, drawn without replacement, for n = 1 to all."""
    ordered, count = sorted(values), len(values)
    return [
        sum(value * comb(count - place, n - 1) for place, value in enumerate(ordered, start=1)) / comb(count, n)
        for n in range(1, count + 1)
    ]


def share_near_best(values: Sequence[float], within: float = 0.1) -> float:
    """The share of trials at most `within` of the best above it: how little the choice matters."""
    best = min(values)
    return sum(value <= best + within * abs(best) for value in values) / len(values)
