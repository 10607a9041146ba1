"""`search.space`, read and checked: which keys are tried, and between which values."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from improved_gan.composing import affects_result, compose_jobs, groups, known_keys
from improved_gan.config import Config, UsageError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

log = logging.getLogger("improved_gan")
SCALES = ("log", "linear")


def space_of(config: Config, overrides: list[str]) -> dict[str, "BaseDistribution"]:
    """The distribution of each key that is to be searched, in the order given.

    Hyperparameters of techniques that are off are left out: with them a search would try the same run again and again.
    Raises `UsageError` for an unknown key and for a bound or choice that a run with `overrides` could not take.
    """
    assert config.search is not None
    known, space = {*known_keys(), *groups()}, config.search.space or {}
    if not isinstance(space, dict):
        raise UsageError(f"search.space={space}: must be {{key: [low, high, log], ...}}")
    given = {text.partition("=")[0] for text in overrides}
    found = {}
    for key, values in space.items():
        if key not in known:
            raise UsageError(f"search.space={{{key}: ...}}: there is no such key to search")
        if not affects_result(key):
            raise UsageError(f"search.space={{{key}: ...}}: does not affect results, so there is nothing to search")
        if key in given:
            raise UsageError(f"{key}: is both set and searched; remove it from the command or from search.space")
        if _of_technique_that_is_off(key, config):
            continue
        found[key] = _distribution(key, values)
        for value in values[:2] if values[-1] in SCALES else values:
            compose_jobs([*overrides, f"{key}={written(value)}"])
    if not found:
        raise UsageError(
            "search.space=null: nothing to search; give e.g. "
            "'search.space={training.learning_rate: [0.0003, 0.01, log]}'"
        )
    return found


def default_of(config: Config, space: dict[str, "BaseDistribution"]) -> dict[str, Any]:
    """The config's own value of each key of `space` that may take it: the setting that was guessed without a search."""
    found, values = {}, dict(_flat(dataclasses.asdict(config)))
    for key, distribution in space.items():
        if key not in values:  # a group's choice, which the config does not hold
            continue
        try:
            inside = distribution._contains(distribution.to_internal_repr(values[key]))
        except ValueError:
            inside = False
        if inside:
            found[key] = values[key]
        else:
            log.warning("search.space={%s: ...}: leaves out %s, which the run has without a search", key, values[key])
    return found


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def written(value: Any) -> str:
    """A value as an override has it."""
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


def _of_technique_that_is_off(key: str, config: Config) -> bool:
    node, *rest = key.split(".")
    if node != "technique" or len(rest) < 2 or rest[-1] == "enabled":
        return False
    assert config.search is not None
    toggled = {"technique", f"technique.{rest[0]}.enabled"} & set(config.search.space)
    return rest[0] not in config.technique.enabled() and not toggled


def _distribution(key: str, values: Any) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(values, list) or not values:
        raise UsageError(f"search.space={{{key}: {values}}}: must be [low, high, log], [low, high, linear] or choices")
    if values[-1] not in SCALES:
        return CategoricalDistribution(values)
    low, high = (values[0], values[1]) if len(values) == 3 else (None, None)
    if not _is_number(low) or not _is_number(high) or not low < high or (values[-1] == "log" and low <= 0):
        above = " above 0" if values[-1] == "log" else ""
        raise UsageError(f"search.space={{{key}: {values}}}: must be [low, high, {values[-1]}], low < high{above}")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=values[-1] == "log")
    return FloatDistribution(low, high, log=values[-1] == "log")


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
