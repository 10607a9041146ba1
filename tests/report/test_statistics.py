"""Intervals, corrections, effects and ranks against values worked out elsewhere."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from improved_gan.report.estimates import difference, estimate, holm
from improved_gan.report.factorial import analyse, missing_combinations
from improved_gan.report.rank_correlation import rank_order


def test_t_interval_of_three_values() -> None:
    found = estimate([1.0, 2.0, 3.0], 0.95, 1000)
    assert (found.mean, found.sd, found.interval) == (2.0, 1.0, "t")
    assert found.low == pytest.approx(2 - 4.302653 / np.sqrt(3), abs=1e-5)  # t(.975, 2) from any table


def test_one_value_has_no_spread_and_no_interval() -> None:
    found = estimate([1.5], 0.95, 1000)
    assert (found.mean, found.sd, found.low, found.high, found.interval) == (1.5, None, None, None, "")


def test_bootstrap_from_eight_values_on() -> None:
    values = list(np.random.default_rng(0).exponential(size=8))
    assert estimate(values[:7], 0.95, 1000).interval == "t"
    found = estimate(values, 0.95, 1000)
    assert found.interval == "bootstrap" and found.low is not None and found.high is not None
    assert min(values) < found.low < found.mean < found.high < max(values)


@pytest.mark.parametrize("count", [2, 5, 8, 12])
def test_equal_values_give_an_interval_of_no_width(count: int) -> None:
    found = estimate([0.25] * count, 0.95, 1000)
    assert (found.sd, found.low, found.high) == (0.0, 0.25, 0.25)


def test_runs_that_share_labels_count_as_one_for_the_interval() -> None:
    values, subsets = [1.0, 1.1, 2.0, 2.1, 3.0, 3.1], [1, 1, 2, 2, 3, 3]
    found, means = estimate(values, 0.95, 1000, subsets), estimate([1.05, 2.05, 3.05], 0.95, 1000)
    assert found.independent == 3
    assert (found.low, found.high) == (pytest.approx(means.low), pytest.approx(means.high))


def test_welch_agrees_with_scipy() -> None:
    a, b = [5.1, 4.9, 5.6, 5.0], [4.0, 4.4, 3.8]
    found = difference("a", a, b, 0.95)
    assert found.p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert found.low is not None and found.high is not None and found.low < found.size < found.high
    assert difference("a", [1.0], b, 0.95).p is None


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, None, 0.005]) == [
        pytest.approx(0.03),
        pytest.approx(0.06),
        pytest.approx(0.06),
        None,
        pytest.approx(0.02),
    ]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_and_keeps_their_order(p: list[float]) -> None:
    corrected = [c for c in holm(p) if c is not None]
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert [c for _, c in sorted(zip(p, corrected, strict=True))] == sorted(corrected)


def two_by_two_by_two(seeds: int) -> tuple[list[tuple[bool, ...]], list[float]]:
    source = np.random.default_rng(1)
    levels = [cell for cell in itertools.product([False, True], repeat=3) for _ in range(seeds)]
    return levels, [3 * a - 2 * b + 4 * a * b + float(source.normal(0, 0.5)) for a, b, _ in levels]


def test_effects_are_the_differences_of_cell_means() -> None:
    levels, values = two_by_two_by_two(seeds=5)
    found = analyse(["a", "b", "c"], levels, values, 0.95)
    assert found is not None
    y, codes = np.array(values), np.array(levels)
    effects = {effect.factors: effect for effect in found.effects}
    assert effects["a",].size == pytest.approx(y[codes[:, 0]].mean() - y[~codes[:, 0]].mean())
    with_b = y[codes[:, 0] & codes[:, 1]].mean() - y[~codes[:, 0] & codes[:, 1]].mean()
    without_b = y[codes[:, 0] & ~codes[:, 1]].mean() - y[~codes[:, 0] & ~codes[:, 1]].mean()
    assert effects["a", "b"].size == pytest.approx(with_b - without_b)
    assert found.error_from == "seeds" and found.residual_degrees == 40 - 8


def test_f_is_the_ratio_of_mean_squares_of_a_balanced_design() -> None:
    levels, values = two_by_two_by_two(seeds=3)
    found = analyse(["a", "b", "c"], levels, values, 0.95)
    assert found is not None
    y = np.array(values)
    within = sum(
        ((cell := y[[row == key for row in levels]]) - cell.mean()) @ (cell - cell.mean()) for key in set(levels)
    )
    for effect in found.effects:
        squares = len(y) * (effect.size or 0) ** 2 / 4 ** len(effect.factors)
        assert effect.f == pytest.approx(squares / (within / (24 - 8)))


def test_one_factor_of_three_levels_is_one_way_analysis_of_variance() -> None:
    groups = {"x": [1.0, 2.0, 1.5], "y": [2.5, 3.0, 2.8, 3.3], "z": [1.1, 0.9]}
    levels = [(name,) for name, values in groups.items() for _ in values]
    found = analyse(["letter"], levels, [v for values in groups.values() for v in values], 0.95)
    reference = stats.f_oneway(*groups.values())
    assert found is not None and found.effects[0].f == pytest.approx(reference.statistic)
    assert found.effects[0].p == pytest.approx(reference.pvalue)


def test_without_repeated_seeds_higher_interactions_stand_in_for_the_error() -> None:
    levels, values = two_by_two_by_two(seeds=1)
    found = analyse(["a", "b", "c"], levels, values, 0.95)
    assert found is not None and found.residual_degrees == 1 and "interactions" in found.error_from
    assert analyse(["a", "b"], [cell[:2] for cell in levels[::2]], values[::2], 0.95) is None


def test_equal_values_are_no_evidence() -> None:
    levels, _ = two_by_two_by_two(seeds=2)
    found = analyse(["a", "b", "c"], levels, [0.125] * len(levels), 0.95)
    assert found is not None and all(effect.p is None and effect.p_holm is None for effect in found.effects)


def test_missing_combinations_are_counted() -> None:
    assert missing_combinations([(True, 1), (False, 1), (True, 2)]) == (1, 4)
    assert missing_combinations([]) == (0, 0)


def test_rank_order_of_equal_and_reversed_orders() -> None:
    paper = [8.09, 7.54, 6.86, 6.83, 4.36, 3.87]
    ours = [[x + e for e in (-0.001, 0.0, 0.001)] for x in paper]
    same = rank_order("score", ours, paper, 0.95, 2000)
    assert same is not None and same.spearman == pytest.approx(1) and same.kendall == pytest.approx(1)
    assert same.p == pytest.approx(1 / 720) and same.low is not None and same.low > 0.9
    reverse = rank_order("score", ours[::-1], paper, 0.95, 2000)
    assert reverse is not None and reverse.spearman == pytest.approx(-1) and reverse.p == pytest.approx(1)


def test_wide_seeds_make_a_wide_interval_of_the_rank_order() -> None:
    source = np.random.default_rng(0)
    ours = [list(x + source.normal(0, 5, 3)) for x in range(6)]
    found = rank_order("score", ours, range(6), 0.95, 4000)
    assert found is not None and found.low is not None and found.high is not None and found.high - found.low > 0.8


def test_rank_order_needs_three_rows_and_two_seeds_for_an_interval() -> None:
    assert rank_order("score", [[1.0], [2.0]], [1, 2], 0.95, 100) is None
    found = rank_order("score", [[1.0], [2.0], [3.0]], [1, 2, 3], 0.95, 100)
    assert found is not None and found.low is None
