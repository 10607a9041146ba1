"""The study's figures: participants are the unit, and who does not look is left out."""

import numpy as np
import pytest

from improved_gan.human_study.design import ATTENTION, REAL
from improved_gan.human_study.statistics import Estimate, attentive, d_prime_of, estimates, interval, resampling
from improved_gan.human_study.storage import Answer


def simulated(d_primes: np.ndarray, source: np.random.Generator, trials: int = 60) -> list[Answer]:
    """Answers of people with these d' and leanings of their own, half of the images real."""
    leanings = source.normal(0, 0.3, len(d_primes))
    real = np.arange(trials) % 2 == 0
    signal = np.where(real, 0.5, -0.5) * d_primes[:, None] + leanings[:, None]
    says_real = source.normal(size=(len(d_primes), trials)) + signal > 0
    return [
        Answer(f"p{p}", p % 2, k, "hash", REAL if real[k] else "gan", REAL if says else "generated", 1.0, f"i{k}")
        for p, row in enumerate(says_real)
        for k, says in enumerate(row)
    ]


def named(rows: list[Answer]) -> dict[str, Estimate]:
    return {estimate.name: estimate for estimate in estimates(rows, 0.95, 400)}


@pytest.mark.parametrize("spread", [0.0, 0.6])
def test_the_interval_covers_a_known_d_prime_in_90_of_100_studies(spread: float) -> None:
    covered, values = 0, []
    for seed in range(100):
        source = np.random.default_rng(seed)
        people: dict[str, list[Answer]] = {}
        for row in simulated(source.normal(1.0, spread, 30), source):
            people.setdefault(row.participant, []).append(row)
        own = np.array([part[0] for rows in people.values() if (part := d_prime_of(rows)) is not None])
        low, high = interval(resampling(30, 400) @ own / 30, 30, 0.95)
        covered += low <= 1.0 <= high
        values.append(own.mean())
    assert covered >= 90, covered
    assert np.mean(values) == pytest.approx(1.0, abs=0.05)


def test_d_prime_in_the_table_is_the_mean_of_the_peoples_own() -> None:
    rows = simulated(np.array([0.5, 1.0, 2.0]), np.random.default_rng(0))
    own = [d_prime_of([row for row in rows if row.participant == f"p{p}"]) for p in range(3)]
    assert named(rows)["d'"].value == pytest.approx(np.mean([part[0] for part in own if part]))


def test_who_fails_the_attention_checks_is_left_out() -> None:
    rows = simulated(np.ones(4), np.random.default_rng(0))
    rows += [Answer(f"p{p}", p % 2, 60, "hash", ATTENTION, answer, 1.0) for p, answer in ((0, REAL), (1, "generated"))]
    kept, failed = attentive(rows)
    overall = named(kept)["accuracy"]
    assert (failed, overall.participants, overall.answers) == (1, 3, 180)
    expected = [row.right for row in rows if row.participant != "p0" and row.source != ATTENTION]
    assert overall.value == pytest.approx(np.mean(expected))


def test_learning_repeats_and_response_times_are_told() -> None:
    rows = []
    for p in range(6):
        for k in range(40):
            right = k >= 20 or k % 2 == 0  # half right at first, then always
            answer = REAL if right == (k % 4 < 2) else "generated"
            seconds = 2.0 if right else 5.0
            rows.append(Answer(f"p{p}", p % 2, k, "h", REAL if k % 4 < 2 else "gan", answer, seconds, f"i{k}"))
        for k, alike in ((40, True), (41, p == 0)):
            first = rows[-40]  # the person's image k - 40
            answer = first.answer if alike else ("generated" if first.answer == REAL else REAL)
            rows.append(first._replace(position=k, answer=answer, repeat=1))
    found = named(rows)
    assert found["accuracy"].answers == 240  # repeats are no new judgements
    assert found["accuracy, first quarter"].value < 0.6 and found["accuracy, last quarter"].value == 1
    assert found["change over the study, with feedback"].value == pytest.approx(0.5)
    assert found["repeats answered alike"].value == pytest.approx(7 / 12)
    assert found["median response time, right answers"].value == 2.0
    assert found["median response time, wrong answers"].value == 5.0


def test_one_participant_has_no_interval() -> None:
    only = named(simulated(np.ones(1), np.random.default_rng(0)))["accuracy"]
    assert only.low is None and only.high is None and only.participants == 1
