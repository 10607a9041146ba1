"""Do our rows come in the paper's order? Spearman's rank correlation, with an interval over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class RankOrder:
    """Correlation of the rows' order with the paper's: 1 the same, -1 the reverse."""

    metric: str
    rows: int
    spearman: float
    low: float | None  # None: a row has one seed only
    high: float | None
    kendall: float
    p: float  # of the paper's order against chance, exact over all orders up to 8 rows


def rank_order(
    metric: str, ours: Sequence[Sequence[float]], paper: Sequence[float], confidence: float, resamples: int
) -> RankOrder | None:
    """Compare rows of seeds (turned so that higher is better) with the paper's figures; None below three rows.

    The interval: each row's mean is drawn anew from its t distribution (n - 1 degrees of freedom), for resampling two
    or three seeds would know nothing of their spread. It holds for these rows, not for others.
    """
    means, figures = np.array([np.mean(row) for row in ours]), np.asarray(paper, dtype=float)
    if len(means) < 3 or np.ptp(means) == 0 or np.ptp(figures) == 0:
        return None
    low = high = None
    if min(len(row) for row in ours) > 1:
        source = np.random.default_rng(0)
        degrees = np.array([len(row) - 1 for row in ours])
        errors = np.array([np.std(row, ddof=1) / np.sqrt(len(row)) for row in ours])
        drawn = means + source.standard_t(degrees, size=(resamples, len(means))) * errors
        correlations = spearman_rho(drawn, figures)
        low, high = (float(q) for q in np.quantile(correlations, [(1 - confidence) / 2, (1 + confidence) / 2]))
    spearman = float(spearman_rho(means[None], figures)[0])
    kendall = float(stats.kendalltau(means, figures).statistic)
    return RankOrder(metric, len(means), spearman, low, high, kendall, p_value(means, figures))


def spearman_rho(rows: np.ndarray, figures: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each line of `rows` with `figures`; ties share their mean rank."""
    ours = stats.rankdata(rows, axis=1)
    theirs = stats.rankdata(figures)
    ours, theirs = ours - ours.mean(axis=1, keepdims=True), theirs - theirs.mean()
    norms = np.sqrt((ours**2).sum(axis=1) * (theirs**2).sum())
    return np.divide(ours @ theirs, norms, out=np.zeros(len(rows)), where=norms > 0)


def p_value(means: np.ndarray, figures: np.ndarray) -> float:
    """One-sided: how often chance agrees with `figures` at least as well."""
    if len(means) > 8:
        return float(stats.spearmanr(means, figures, alternative="greater").pvalue)
    result = stats.permutation_test(
        (means,),
        lambda x, axis: spearman_rho(np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]), figures).reshape(
            np.delete(x.shape, axis)
        ),
        permutation_type="pairings",
        vectorized=True,
        alternative="greater",
        n_resamples=np.inf,
    )
    return float(result.pvalue)
