"""From the seeds of a row to a mean with its uncertainty, and from two rows to their difference."""

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

BOOTSTRAP_FROM = 8  # independent values; below, resampling knows too little of the distribution


@dataclass(frozen=True)
class Estimate:
    """Mean and sample standard deviation (divisor n - 1) of `values`, with an interval of the mean."""

    values: tuple[float, ...]
    mean: float
    sd: float | None  # None: one value
    low: float | None = None
    high: float | None = None
    interval: str = ""  # "t" or "bootstrap"
    independent: int = 1  # labelled subsets if several runs share each, else runs


def estimate(
    values: Sequence[float], confidence: float, resamples: int, clusters: Sequence[Hashable] | None = None
) -> Estimate:
    """Mean of `values` with a t interval, from 8 independent values on a bootstrap one (BCa).

    Values of one cluster (runs that share their labelled subset) are not independent: where clusters have several
    values, the interval is that of the clusters' means.
    """
    units = np.asarray(values, dtype=float)
    if clusters is not None and 1 < len(set(clusters)) < len(values):
        units = np.array([np.mean([v for v, c in zip(values, clusters, strict=True) if c == k]) for k in set(clusters)])
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    low, high, kind = _interval(units, confidence, resamples)
    return Estimate(tuple(values), float(np.mean(values)), sd, low, high, kind, len(units))


def _interval(units: np.ndarray, confidence: float, resamples: int) -> tuple[float | None, float | None, str]:
    if len(units) < 2:
        return None, None, ""
    if len(units) >= BOOTSTRAP_FROM and np.ptp(units) > 0:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # degenerate resamples: the t interval steps in below
            found = stats.bootstrap(
                (units,), np.mean, confidence_level=confidence, n_resamples=resamples, rng=np.random.default_rng(0)
            ).confidence_interval
        if np.isfinite([found.low, found.high]).all():
            return float(found.low), float(found.high), "bootstrap"
    half = stats.t.ppf((1 + confidence) / 2, len(units) - 1) * np.std(units, ddof=1) / np.sqrt(len(units))
    return float(np.mean(units) - half), float(np.mean(units) + half), "t"


@dataclass(frozen=True)
class Difference:
    """Of a row's mean from the reference row's; Welch's interval and test, where both have two seeds or more."""

    label: str
    size: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None


def difference(label: str, values: Sequence[float], reference: Sequence[float], confidence: float) -> Difference:
    """`mean(values) - mean(reference)`, variances not taken as equal."""
    size = float(np.mean(values) - np.mean(reference))
    if min(len(values), len(reference)) < 2 or np.ptp(values) + np.ptp(reference) == 0:
        return Difference(label, size)
    test = stats.ttest_ind(values, reference, equal_var=False)
    interval = test.confidence_interval(confidence)
    return Difference(label, size, float(interval.low), float(interval.high), float(test.pvalue))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction over one family of tests; None stays None and counts for nothing."""
    order = sorted((p, position) for position, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, position) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        corrected[position] = largest
    return corrected
