"""Which variants there are, ours and plugins': each group's records by name, a file each."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from improved_gan import technique
from improved_gan.architecture import architectures
from improved_gan.dataset import DATASETS
from improved_gan.metrics.registry import METRICS
from improved_gan.objective import objectives
from improved_gan.technique import Technique

C = TypeVar("C")
NAMED_BY = {  # the keys that name a variant, or several
    "objective.name": "objective",
    "architecture.name": "architecture",
    "dataset.source": "dataset",
    "metrics.names": "metrics",
    "search.metric": "metrics",
}
_caches: list[Any] = []  # of what follows from the variants that there are
_nodes: dict[str, type] = {}  # the dataclass of a group's keys


def until_it_grows(function: C) -> C:
    """Mark a cached function whose results do not outlive the arrival of a plugin."""
    _caches.append(function)
    return function


def conf_folder() -> Path:
    """The config tree: inside the installed package, or at the top of the source tree."""
    package = Path(__file__).parent
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"


@cache
def techniques() -> dict[str, Technique]:
    """Every technique's record, by the name of its file; plugins' join them."""
    names = [module.name for module in pkgutil.iter_modules(technique.__path__)]
    return {name: importlib.import_module(f"{technique.__name__}.{name}").TECHNIQUE for name in names}


def records(group: str) -> dict[str, Any]:
    """The records of a group by name; of data sets those that have a file each."""
    match group:
        case "technique":
            return techniques()
        case "objective":
            return objectives()
        case "architecture":
            return architectures()
        case "dataset":
            return DATASETS
        case _:
            return METRICS


def add(group: str, name: str, record: Any) -> None:
    """Take in a plugin's variant: its keys can be set, and it can be chosen, from then on."""
    records(group)[name] = record
    if group == "technique":
        _extend(_nodes[group], {name: (record.config, field(default_factory=record.config))})
    elif group in _nodes:
        _extend(_nodes[group], _own_keys(group, name, record.config))
    for cached in _caches:
        cached.cache_clear()


def fill(config: type) -> None:
    """Make `config` a dataclass with a node for each technique that there is; plugins' will join."""
    _nodes["technique"] = config
    _extend(config, {name: (one.config, field(default_factory=one.config)) for name, one in techniques().items()})


def let_join(group: str, config: type) -> None:
    """Let the keys of a plugin's variant join `config`, the dataclass of its group's keys."""
    _nodes[group] = config


def shared_keys(group: str) -> list[str]:
    """The keys of a group that all of its choices have."""
    return [key.name for key in fields(_nodes[group]) if key.name not in owners(group)]


def owners(group: str) -> dict[str, str]:
    """The keys of a group that belong to one of its choices alone, each with that choice's name."""
    return {key.name: key.metadata["owner"] for key in fields(_nodes[group]) if key.metadata.get("owner")}


def _own_keys(group: str, name: str, config: type | None) -> dict[str, tuple[Any, Field[Any]]]:
    """What `config` has beside the group's keys: null, and in no hash, where another variant is chosen."""
    if config is None:
        return {}
    kinds, shared, found = get_type_hints(config), shared_keys(group), {}
    for key in fields(config):
        if key.name not in shared:
            rules = {"affects_result": True, "neutral": None, "owner": name}
            own: Any = field(default=None, metadata={**key.metadata, **rules})
            found[key.name] = (kinds[key.name] | None, own)
    return found


def _extend(config: type, new: Mapping[str, tuple[Any, Field[Any]]]) -> None:
    """Make `config` a dataclass with these fields too, each with its type."""
    keys = vars(config).get("__dataclass_fields__", {}).values()
    old = {key.name: (config.__annotations__[key.name], key) for key in keys}
    for made in ("__init__", "__repr__", "__eq__", "__match_args__", "__replace__"):  # or they stay as they were
        if made in vars(config):
            delattr(config, made)
    for name, (kind, key) in {**old, **new}.items():
        config.__annotations__ = {**vars(config).get("__annotations__", {}), name: kind}
        setattr(config, name, key)
    dataclass(config)
