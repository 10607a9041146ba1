"""Main effects and pairwise interactions of a full factorial: analysis of variance by ordinary least squares."""

import itertools
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from scipy import stats

from improved_gan.report.estimates import holm

MAX_FACTORS = 8


@dataclass(frozen=True)
class Effect:
    """One term of the model: a factor, or two factors together.

    For factors of two levels `size` is how much the mean changes from the first level to the second, over all
    combinations of the others; for a pair, how much the first's effect changes as the second goes on.
    """

    factors: tuple[str, ...]
    size: float | None
    low: float | None
    high: float | None
    f: float | None
    p: float | None
    p_holm: float | None = None


@dataclass(frozen=True)
class Factorial:
    """The analysis, and what its error term stands on."""

    effects: list[Effect]
    degrees: tuple[int, ...]  # of each effect
    residual_degrees: int
    error_from: str  # "seeds" or "interactions of three and more"


def missing_combinations(levels: Sequence[tuple[Hashable, ...]]) -> tuple[int, int]:
    """How many combinations of the factors' levels are not among `levels`, of how many in all."""
    kinds = [set(column) for column in zip(*levels, strict=True)]
    total = int(np.prod([len(kind) for kind in kinds])) if kinds else 0
    return total - len(set(levels)), total


def analyse(
    factors: Sequence[str], levels: Sequence[tuple[Hashable, ...]], values: Sequence[float], confidence: float
) -> Factorial | None:
    """Effects of `factors` on `values`, one value a run; None where nothing is left over to estimate the error from.

    Every combination must be there (`missing_combinations`); seeds may differ in number. Sum coding and a Wald test
    for each term (type III). With repeated seeds the model holds every interaction, so that the error is the seeds'
    alone; without, what three and more factors do together stands in for it.
    """
    codes = [_sum_coding([row[k] for row in levels]) for k in range(len(factors))]
    repeated = max(Counter(levels).values()) > 1
    terms = [
        term
        for k in range(1, (len(factors) if repeated else 2) + 1)
        for term in itertools.combinations(range(len(factors)), k)
    ]
    blocks = [_products([codes[k] for k in term]) for term in terms]
    design = np.concatenate([np.ones((len(values), 1)), *blocks], axis=1)
    residual_degrees = len(values) - design.shape[1]
    if residual_degrees < 1:
        return None
    y = np.asarray(values, dtype=float)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ y
    variance = float(np.sum((y - design @ coefficients) ** 2)) / residual_degrees
    wide = stats.t.ppf((1 + confidence) / 2, residual_degrees)
    effects, degrees, position = [], [], 1
    for term, block in zip(terms, blocks, strict=True):
        part = slice(position, position + block.shape[1])
        position += block.shape[1]
        if len(term) > 2:
            continue
        b, covariance = coefficients[part], inverse[part, part]
        f = p = size = half = None
        if variance > 1e-24 * max(1.0, float(np.mean(y**2))):  # else all seeds agree to the last digit: no test
            f = float(b @ np.linalg.solve(covariance, b)) / (len(b) * variance)
            p = float(stats.f.sf(f, len(b), residual_degrees))
        if (
            len(b) == 1
        ):  # codes are -1 and 1, so a step from level to level is twice the coefficient (four: of a change of that)
            size = float(b[0]) * 2 ** len(term)
            half = wide * np.sqrt(variance * covariance[0, 0]) * 2 ** len(term)
        low, high = (None, None) if size is None or half is None else (size - float(half), size + float(half))
        effects.append(Effect(tuple(factors[k] for k in term), size, low, high, f, p))
        degrees.append(len(b))
    corrected = holm([effect.p for effect in effects])
    effects = [replace(effect, p_holm=p) for effect, p in zip(effects, corrected, strict=True)]
    return Factorial(
        effects, tuple(degrees), residual_degrees, "seeds" if repeated else "interactions of three and more"
    )


def _sum_coding(levels: Sequence[Hashable]) -> Float64[np.ndarray, "run level"]:
    """A column for each level but the first: 1 at that level, -1 at the first."""
    kinds = sorted(
        set(levels), key=lambda level: (0, level, "") if isinstance(level, (int, float)) else (1, 0, str(level))
    )
    columns = [[1.0 if level == kind else -1.0 if level == kinds[0] else 0.0 for level in levels] for kind in kinds[1:]]
    return np.array(columns).T


def _products(blocks: Sequence[Float64[np.ndarray, "run _"]]) -> Float64[np.ndarray, "run product"]:
    """All products of a column of each block."""
    product = blocks[0]
    for block in blocks[1:]:
        product = (product[:, :, None] * block[:, None, :]).reshape(len(product), -1)
    return product
