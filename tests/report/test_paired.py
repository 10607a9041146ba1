"""Differences paired by seed: the exact test against enumeration, its interval, and what n trials find."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from improved_gan.report.estimates import holm
from improved_gan.report.paired import best_of, paired_difference, share_near_best, sign_flip_test


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_the_sign_flip_test_counts_every_assignment_of_signs(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.5, 1, count)
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=count)
    ]
    expected = np.mean([value >= abs(differences.sum()) - 1e-9 for value in sums])
    assert sign_flip_test(differences) == pytest.approx(expected)


def test_the_sign_flip_test_is_scipys_over_all_permutations() -> None:
    ours, theirs = np.random.default_rng(1).normal(size=(2, 9))
    found = stats.permutation_test(
        (ours, theirs), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_test(ours - theirs) == pytest.approx(found.pvalue)


def test_ten_seeds_that_all_agree_reach_one_in_512_and_thirteen_rows_can_be_told_apart() -> None:
    p = sign_flip_test(np.arange(1, 11.0))
    assert p == 2 / 1024
    assert holm([p, *[1.0] * 12])[0] == pytest.approx(13 / 512) and 13 / 512 < 0.05
    assert sign_flip_test(np.ones(5)) > 0.05  # stacked MNIST's five seeds can't


def test_seeds_without_a_value_are_left_out_in_pairs() -> None:
    found = paired_difference([1.0, None, 3.0, 4.0], [0.5, 1.0, 1.0, None])
    assert found is not None and found.pairs == 2 and found.mean == pytest.approx(1.25)
    expected = stats.ttest_rel([1.0, 3.0], [0.5, 1.0]).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert paired_difference([None], [1.0]) is None


def test_the_best_of_n_trials_is_the_mean_over_all_choices_of_n() -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0]
    expected = [np.mean([min(chosen) for chosen in combinations(values, n)]) for n in range(1, 6)]
    assert best_of(values) == pytest.approx(expected)


def test_the_share_near_the_best_counts_the_best_itself() -> None:
    assert share_near_best([1.0, 1.05, 1.11, 3.0]) == 0.5
