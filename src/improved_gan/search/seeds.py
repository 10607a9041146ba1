"""A setting over several seeds: a run each, in order, and what each is worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from improved_gan.composing import compose_jobs
from improved_gan.config import SearchConfig
from improved_gan.dispatching import dispatch
from improved_gan.search.trial_value import NotMeasured, average_of, value_of
from improved_gan.training.termination import Stopped


class NoValue(Exception):
    """Raised when a run of a setting failed or could not be measured; the message is the reason."""


@dataclass(frozen=True)
class Measured:
    """A finished run: its folder, its value, and all that was averaged over its end, where that is what counts."""

    folder: Path
    value: float
    beside: dict[str, float]


def measured(overrides: list[str], settings: list[str], seed: int | None, wanted: SearchConfig) -> Measured:
    """The run of a setting on `seed` (None: the command's own), made now or as it lies.

    Raises `NoValue` where it has none, `Stopped` on a signal, after its checkpoint.
    """
    of_seed = [] if seed is None else [f"seed={seed}"]
    (run,) = compose_jobs([*overrides, *settings, *of_seed])
    outcome = dispatch(run)
    if outcome.status >= 128:
        raise Stopped(outcome.status - 128)
    if outcome.folder is None:
        raise NoValue(outcome.reason)
    try:
        if wanted.average_from is None:
            return Measured(outcome.folder, value_of(outcome.folder, wanted.metric, overrides), {})
        found = average_of(outcome.folder, wanted.metric, wanted.average_from)
        return Measured(outcome.folder, found[wanted.metric], found)
    except NotMeasured as error:
        raise NoValue(str(error)) from None


def over_seeds(
    overrides: list[str], settings: list[str], seeds: Sequence[int | None], wanted: SearchConfig
) -> Iterator[Measured]:
    """Yield the run on each seed; raises as `measured` does, at the first that has no value."""
    for seed in seeds:
        yield measured(overrides, settings, seed, wanted)
