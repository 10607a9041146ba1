"""Diagnose a finished run, as a label and a message, from what it logged.

The thresholds were fixed on runs on digits and on the ring (seed 1); healthy ones ended with losses under 10
and a batch diversity above 0.4, collapsed ones under 0.22. The first that holds, in this order, is the diagnosis:

- diverged: a loss or weight became NaN or infinite, or at the end a loss stays above 100 nats or a gradient norm above
  1000;
- vanishing_gradient: discriminator accuracy is at least 98% and the generator's gradient norm below 0.01, a third of
  the least seen in a generator that learned;
- oscillated: in the second half the batch diversity swings at least three times by 0.3 or more, up and down in turns;
  a trend is one swing;
- collapsed: generated images differ less than 0.3 times as much as reals do, or samples are near at most half of the
  known modes that as many would be near if they fell on all modes alike;
- not_learned: of points, fewer than 1% are within three standard deviations of a mode: nothing collapsed, yet the
  samples are nowhere near the data (a cloud that covers the ring has .3%, a run that learned at least 15%);
- healthy: none of these.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

DIVERGED_LOSS = 100.0  # nats (or the critic's units): a right answer costs less than 1
DIVERGED_GRADIENT = 1000.0
VANISHING_ACCURACY = 0.98
VANISHING_GRADIENT = 0.01
SWING, SWINGS = 0.3, 3  # of batch diversity
COLLAPSED_DIVERSITY = 0.3
COLLAPSED_MODES = 0.5  # of those that even samples would be near
NOT_LEARNED_QUALITY = 0.01  # share of points of high quality
FEWEST_LINES = 10  # a run that logged less is too short to tell

Line = dict[str, Any]


def diagnose(lines: Sequence[Line], broke: str | None = None) -> dict[str, Any] | None:
    """Return `label`, `message` and `statistics` from the lines of metrics.jsonl; None for a run too short to tell.

    `broke` names the value that became infinite or NaN, if one did. The statistics are medians over the last quarter of
    the run, and the number of swings in its second half.
    """
    if broke is not None:
        return _diagnosis("diverged", broke.partition(";")[0], {"step": lines[-1]["step"] if lines else 0})
    if sum("discriminator_loss" in line for line in lines) < FEWEST_LINES:
        return None
    found = _statistics(lines)
    for rule in (_diverged, _vanishing_gradient, _oscillated, _collapsed, _not_learned):
        message = rule(found, lines)
        if message:
            return _diagnosis(rule.__name__.strip("_"), message, found)
    return _diagnosis("healthy", "losses are bounded, the generator learns and its images vary", found)


def _diagnosis(label: str, message: str, statistics: dict[str, float]) -> dict[str, Any]:
    return {"label": label, "message": message, "statistics": statistics}


def _statistics(lines: Sequence[Line]) -> dict[str, float]:
    found = {}
    players = ("generator", "discriminator")
    names = [f"{player}_{what}" for player in players for what in ("loss", "gradient_norm")]
    logged = {
        name: _values(lines, name)
        for name in (*names, "discriminator_batch_accuracy", "batch_diversity", "high_quality_fraction")
    }
    # Modes near samples, not those that are hit: a cloud that hits none has not collapsed.
    logged["modes_near_samples"] = [sum(map(bool, counts)) for counts in _values(lines, "mode_counts")]
    for name, values in logged.items():
        if values:
            absolute = [abs(value) for value in values[-max(1, len(values) // 4) :]]
            found[name] = float(f"{median(absolute):.4g}")
    found["swings"] = swings(_smoothed(_second_half(_values(lines, "batch_diversity"))), SWING)
    return found


def _diverged(found: dict[str, float], lines: Sequence[Line]) -> str:
    for name, value in found.items():
        limit = {"loss": DIVERGED_LOSS, "norm": DIVERGED_GRADIENT}.get(name.rpartition("_")[2], math.inf)
        if value > limit:
            return f"the {name.replace('_', ' ')} stays near {value:.3g} at the end (limit {limit:g})"
    return ""


def _vanishing_gradient(found: dict[str, float], lines: Sequence[Line]) -> str:
    accuracy, gradient = found.get("discriminator_batch_accuracy", 0.0), found.get("generator_gradient_norm", math.inf)
    if accuracy < VANISHING_ACCURACY or gradient > VANISHING_GRADIENT:
        return ""
    return f"the discriminator is right on {accuracy:.1%} and leaves the generator a gradient of {gradient:.2g}"


def _oscillated(found: dict[str, float], lines: Sequence[Line]) -> str:
    if found["swings"] < SWINGS:
        return ""
    return f"the batch diversity swings {found['swings']} times by more than {SWING} in the second half"


def _collapsed(found: dict[str, float], lines: Sequence[Line]) -> str:
    diversity = found.get("batch_diversity", math.inf)
    if diversity < COLLAPSED_DIVERSITY:
        return f"generated images differ {diversity:.2g} times as much as reals (limit {COLLAPSED_DIVERSITY})"
    counts: list[int] = next((line["mode_counts"] for line in reversed(lines) if "mode_counts" in line), [])
    if counts:
        known, samples = len(counts), sum(counts)
        evenly = known * (1 - (1 - 1 / known) ** samples)  # expected, if every mode is as likely as any other
        if found["modes_near_samples"] <= COLLAPSED_MODES * evenly:
            near = f"{found['modes_near_samples']:.0f} of {known} modes"
            return f"{samples} samples are near {near}; spread evenly they would be near {evenly:.0f}"
    return ""


def _not_learned(found: dict[str, float], lines: Sequence[Line]) -> str:
    quality = found.get("high_quality_fraction", math.inf)
    if quality >= NOT_LEARNED_QUALITY:
        return ""
    return f"{quality:.1%} of the samples are near a mode of the data (at least {NOT_LEARNED_QUALITY:.0%} once learned)"


def swings(values: Sequence[float], least: float) -> int:
    """Moves of at least `least`, up and down in turns, from one extreme to the next."""
    count, direction = 0, 0
    low = high = values[0] if values else 0.0
    for value in values:
        low, high = min(low, value), max(high, value)
        if value - low >= least and direction <= 0:
            count, direction, high = count + 1, 1, value
        elif high - value >= least and direction >= 0:
            count, direction, low = count + 1, -1, value
    return count


def _smoothed(values: Sequence[float]) -> list[float]:
    """Means over three lines: what one odd line says counts a third."""
    return [fmean(values[k : k + 3]) for k in range(len(values) - 2)]


def _second_half(values: Sequence[float]) -> Sequence[float]:
    return values[len(values) // 2 :]


def _values(lines: Sequence[Line], name: str) -> list[Any]:
    return [line[name] for line in lines if name in line]
