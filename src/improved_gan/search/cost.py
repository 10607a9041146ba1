"""Runs of equal cost: a setting's steps from what one step of it costs, which a study's file holds."""

from collections.abc import Iterable

from improved_gan.config import SearchConfig, UsageError

MEASUREMENTS = 32  # over a run, evenly


def length_of(wanted: SearchConfig, words: Iterable[str]) -> list[str]:
    """Overrides that let a run of the setting `words` cost `search.seconds`; none where that is null.

    Raises `UsageError` where no entry of `search.step_milliseconds` fits the setting.
    """
    if wanted.seconds is None:
        return []
    steps = max(1, round(1000 * wanted.seconds / step_cost(wanted, words)))
    return [f"training.steps={steps}", f"metrics.step_interval={max(1, steps // MEASUREMENTS)}"]


def step_cost(wanted: SearchConfig, words: Iterable[str]) -> float:
    """Milliseconds of a step of the setting `words`, by the entry that has the most of them and no other."""
    costs, given = wanted.step_milliseconds or {}, set(words)
    fitting = [entry for entry in costs if set(entry.split()) <= given]
    if not fitting:
        raise UsageError(
            f"search.step_milliseconds: has no entry for {' '.join(sorted(given))}; add what a step of it costs, or "
            "set search.seconds=null"
        )
    return float(costs[max(fitting, key=lambda entry: len(entry.split()))])
