"""A setting over several seeds: a run each, in order, and what each is worth."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from improved_gan.composing import compose_jobs
from improved_gan.dispatching import dispatch
from improved_gan.search.trial_value import NotMeasured, value_of
from improved_gan.training.termination import Stopped


class NoValue(Exception):
    """Raised when a run of a setting failed or could not be measured; the message is the reason."""


def values_over_seeds(
    overrides: list[str], settings: list[str], seeds: Sequence[int | None], metric: str
) -> Iterator[tuple[Path, float]]:
    """Yield folder and value of the run on each seed (None: the command's own), finished runs as they lie.

    Raises `NoValue` at the first run without a value, `Stopped` on a signal, after that run's checkpoint.
    """
    for seed in seeds:
        of_seed = [] if seed is None else [f"seed={seed}"]
        (run,) = compose_jobs([*overrides, *settings, *of_seed])
        outcome = dispatch(run)
        if outcome.status >= 128:
            raise Stopped(outcome.status - 128)
        if outcome.folder is None:
            raise NoValue(outcome.reason)
        try:
            yield outcome.folder, value_of(outcome.folder, metric, overrides)
        except NotMeasured as error:
            raise NoValue(str(error)) from None
