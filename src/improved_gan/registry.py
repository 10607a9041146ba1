"""Which variants there are, ours and plugins': each group's records by name, a file each."""

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from improved_gan import technique
from improved_gan.metrics.registry import METRICS
from improved_gan.technique import Technique

C = TypeVar("C")
_caches: list[Any] = []  # of what follows from the variants that there are
_filled: list[type] = []  # the dataclass with a node for each technique


def until_it_grows(function: C) -> C:
    """Mark a cached function whose results do not outlive the arrival of a plugin."""
    _caches.append(function)
    return function


@cache
def techniques() -> dict[str, Technique]:
    """Every technique's record, by the name of its file."""
    names = [module.name for module in pkgutil.iter_modules(technique.__path__)]
    return {name: importlib.import_module(f"{technique.__name__}.{name}").TECHNIQUE for name in names}


def records(group: str) -> dict[str, Any]:
    """The records of `technique` or `metrics`, by name; what is put in is there from then on."""
    found: dict[str, dict[str, Any]] = {"technique": techniques(), "metrics": METRICS}  # type: ignore[dict-item]
    return found[group]


def add(group: str, name: str, record: Any) -> None:
    """Take in a plugin's variant: its keys can be set, and it can be chosen, from then on."""
    records(group)[name] = record
    for config in _filled:
        fill(config)
    for cached in _caches:
        cached.cache_clear()


def fill(config: type) -> None:
    """Make `config` a dataclass with a node for each technique that there is, and once more whenever one is added."""
    for made in ("__init__", "__repr__", "__eq__", "__match_args__", "__replace__"):  # or they stay as they were
        if made in vars(config):
            delattr(config, made)
    config.__annotations__ = {name: record.config for name, record in techniques().items()}
    for name, record in techniques().items():
        setattr(config, name, field(default_factory=record.config))
    dataclass(config)
    if config not in _filled:
        _filled.append(config)
