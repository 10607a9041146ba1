"""What a study's answers say, with intervals that resample participants: clicks of one person are not independent."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from improved_gan.human_study.design import ATTENTION, REAL
from improved_gan.human_study.storage import Answer

Part = tuple[float, float]  # a participant's part of a figure: numerator and denominator of a ratio of sums
PartOf = Callable[[list[Answer]], Part | None]
QUARTERS = ("first", "second", "third", "last")


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; None: fewer than two participants."""

    name: str
    unit: str  # "%" (the value is a share), "s", or "" of d'
    value: float
    low: float | None
    high: float | None
    participants: int
    answers: int


def attentive(answers: Iterable[Answer]) -> tuple[list[Answer], int]:
    """Answers without attention checks, and how many participants failed most of those and are left out."""
    people = _by_participant(answers)
    failed = {
        person
        for person, rows in people.items()
        if (checks := [row.answer != REAL for row in rows if row.source == ATTENTION]) and np.mean(checks) < 0.5
    }
    kept = [row for person, rows in people.items() if person not in failed for row in rows if row.source != ATTENTION]
    return kept, len(failed)


def estimates(kept: Sequence[Answer], confidence: float, resamples: int) -> list[Estimate]:
    """Accuracy, d', learning over time, consistency and response times; repeats count for consistency alone."""
    once = [row for row in kept if not row.repeat]
    generators = sorted({row.source for row in once} - {REAL})
    by_feedback = [
        (word, [row for row in once if row.feedback == flag]) for word, flag in (("with", 1), ("without", 0))
    ]

    def figure(
        name: str, unit: str, rows: Sequence[Answer], of: Callable[[list[Answer]], Part | None]
    ) -> Estimate | None:
        parts = [part for person in _by_participant(rows).values() if (part := of(person)) is not None]
        return _estimate(name, unit, parts, len(rows), confidence, resamples)

    found = [figure("accuracy", "%", once, _right)]
    found += [figure(f"accuracy, {s}", "%", [r for r in once if r.source == s], _right) for s in (REAL, *generators)]
    found += [figure(f"accuracy {word} feedback", "%", rows, _right) for word, rows in by_feedback]
    found += [figure("d'", "", once, d_prime_of)]
    if len(generators) > 1:
        found += [figure(f"d', {s}", "", [r for r in once if r.source in (REAL, s)], d_prime_of) for s in generators]
    length = 1 + max((row.position for row in kept), default=0)
    for number, word in enumerate(QUARTERS):
        rows = [row for row in once if row.position * 4 // length == number]
        found += [figure(f"accuracy, {word} quarter", "%", rows, _right)]
    found += [figure(f"change over the study, {word} feedback", "%", rows, _learning) for word, rows in by_feedback]
    found += [figure("repeats answered alike", "%", [row for row in kept if row.image], _consistency)]
    found += [figure("median response time", "s", once, _median_seconds)]
    for word, right in (("right", True), ("wrong", False)):
        rows = [row for row in once if row.right == right]
        found += [figure(f"median response time, {word} answers", "s", rows, _median_seconds)]
    return [estimate for estimate in found if estimate is not None]


def _right(rows: list[Answer]) -> Part:
    return float(sum(row.right for row in rows)), float(len(rows))


def d_prime_of(rows: list[Answer]) -> Part | None:
    """One participant's own d' of "real", rates kept off 0 and 1 by half an answer; None without both kinds."""
    said = [[row.answer == REAL for row in rows if (row.source == REAL) == real] for real in (True, False)]
    if not all(said):
        return None
    hits, false_alarms = ((sum(each) + 0.5) / (len(each) + 1) for each in said)
    return float(stats.norm.ppf(hits) - stats.norm.ppf(false_alarms)), 1.0


def _learning(rows: list[Answer]) -> Part | None:
    """Accuracy in the second half of one's own answers less that in the first."""
    right, half = [row.right for row in rows], len(rows) // 2
    return (float(np.mean(right[half:]) - np.mean(right[:half])), 1.0) if half else None


def _consistency(rows: list[Answer]) -> Part | None:
    first = {row.image: row.answer for row in rows if not row.repeat}
    again = [row.answer == first[row.image] for row in rows if row.repeat and row.image in first]
    return (float(sum(again)), float(len(again))) if again else None


def _median_seconds(rows: list[Answer]) -> Part:
    return float(np.median([row.seconds for row in rows])), 1.0


def _by_participant(rows: Iterable[Answer]) -> dict[str, list[Answer]]:
    people: dict[str, list[Answer]] = defaultdict(list)
    for row in rows:
        people[row.participant].append(row)
    return people


def _estimate(
    name: str, unit: str, parts: Sequence[Part], answers: int, confidence: float, resamples: int
) -> Estimate | None:
    if not parts:
        return None
    array = np.array(parts)
    value = float(array[:, 0].sum() / array[:, 1].sum())
    low = high = None
    if len(parts) > 1:
        sums = resampling(len(parts), resamples) @ array
        low, high = interval(sums[:, 0] / sums[:, 1], len(parts), confidence)
    return Estimate(name, unit, value, low, high, len(parts), answers)


@lru_cache(maxsize=8)
def resampling(people: int, resamples: int) -> np.ndarray:
    """How often each of `people` is drawn in each resample, (resamples, people); the same at every call."""
    source = np.random.default_rng(0)
    return source.multinomial(people, np.full(people, 1 / people), size=resamples).astype(float)


def interval(values: np.ndarray, people: int, confidence: float) -> tuple[float, float]:
    """The expanded percentile interval (Hesterberg 2015): the plain one is too short for a few participants."""
    quantile = stats.t.ppf((1 + confidence) / 2, people - 1) * np.sqrt(people / (people - 1))
    tail = stats.norm.cdf(-quantile)
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
