"""The study's figures: participants are the unit, and who does not look is left out."""

import numpy as np
import pytest

from improved_gan.human_study.design import ATTENTION, REAL
from improved_gan.human_study.statistics import shares


def simulated(d_prime: float, people: int, seed: int) -> list[tuple[str, int, int, str, str, str, float]]:
    source = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        for position in range(60):
            real = position % 2 == 0
            says_real = source.normal() + (d_prime / 2 if real else -d_prime / 2) > 0
            word = REAL if says_real else "generated"
            rows.append((f"p{person}", person % 2, position, "hash", REAL if real else "gan", word, 1.0))
    return rows


def test_the_interval_covers_a_known_d_prime_in_90_of_100_studies() -> None:
    covered = 0
    for seed in range(100):
        found = {share.name: share for share in shares(simulated(1.0, 30, seed), 0.95, 500)}["d'"]
        assert found.low is not None and found.high is not None
        covered += found.low <= 1.0 <= found.high
    assert covered >= 90


def test_who_fails_the_attention_checks_is_left_out() -> None:
    rows = simulated(1.0, 4, 0)
    rows += [("p0", 0, 60, "hash", ATTENTION, REAL, 1.0), ("p1", 1, 60, "hash", ATTENTION, "generated", 1.0)]
    overall = shares(rows, 0.95, 200)[0]
    assert (overall.name, overall.participants, overall.answers) == ("accuracy", 3, 180)
    expected = np.mean([(row[5] == REAL) == (row[4] == REAL) for row in rows if row[0] != "p0" and row[4] != ATTENTION])
    assert overall.value == pytest.approx(expected)
