"""What a study's answers say: shares right and d', with intervals over participants, not clicks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from improved_gan.human_study.design import ATTENTION, REAL

Answer = tuple[str, int, int, str, str, str, float]  # as Study.answers() gives them


@dataclass(frozen=True)
class Share:
    """A figure with its interval; None: fewer than two participants."""

    name: str
    value: float
    low: float | None
    high: float | None
    participants: int
    answers: int


def shares(answers: Sequence[Answer], confidence: float, resamples: int) -> list[Share]:
    """Accuracy overall, by source and by feedback, then d'; participants who fail most attention checks are out."""
    checks: dict[str, list[bool]] = {}
    for participant, _, _, _, source, answer, _ in answers:
        if source == ATTENTION:
            checks.setdefault(participant, []).append(answer != REAL)
    inattentive = {participant for participant, passed in checks.items() if np.mean(passed) < 0.5}
    kept = [row for row in answers if row[0] not in inattentive and row[4] != ATTENTION]
    groups = {"accuracy": kept}
    groups |= {f"accuracy, {source}": [r for r in kept if r[4] == source] for source in sorted({r[4] for r in kept})}
    groups |= {
        f"accuracy {word} feedback": [r for r in kept if r[1] == flag] for word, flag in (("with", 1), ("without", 0))
    }
    found = [_share(name, rows, confidence, resamples, _accuracy) for name, rows in groups.items() if rows]
    return found + ([_share("d'", kept, confidence, resamples, _sensitivity)] if kept else [])


def _share(
    name: str, rows: Sequence[Answer], confidence: float, resamples: int, figure: Callable[[np.ndarray], np.ndarray]
) -> Share:
    people = sorted({row[0] for row in rows})
    number = {participant: position for position, participant in enumerate(people)}
    counts = np.zeros((len(people), 4))  # reals called real, reals, generated called real, generated
    for participant, _, _, _, source, answer, _ in rows:
        first = 0 if source == REAL else 2
        counts[number[participant], first : first + 2] += (answer == REAL, 1)
    low = high = None
    if len(people) > 1:
        source_of_draws = np.random.default_rng(0)
        weights = source_of_draws.multinomial(len(people), np.full(len(people), 1 / len(people)), size=resamples)
        values = figure(weights @ counts)
        low, high = (float(q) for q in np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]))
    return Share(name, float(figure(counts.sum(0)[None])[0]), low, high, len(people), len(rows))


def _accuracy(counts: np.ndarray) -> np.ndarray:
    right = counts[:, 0] + counts[:, 3] - counts[:, 2]
    return np.asarray(right / (counts[:, 1] + counts[:, 3]))


def _sensitivity(counts: np.ndarray) -> np.ndarray:
    """d' of "real", rates kept off 0 and 1 by half an answer."""
    hits, false_alarms = ((counts[:, i] + 0.5) / (counts[:, i + 1] + 1) for i in (0, 2))
    return np.asarray(stats.norm.ppf(hits) - stats.norm.ppf(false_alarms))
