"""What each player minimises, one file an objective; `record.py` says what they have in common.

A file opens with its equations, then come the keys of its own, its check and its record `OBJECTIVE`; torch is imported
inside functions.
"""

import importlib
import pkgutil
from dataclasses import field, fields, make_dataclass
from functools import cache
from typing import get_type_hints

from improved_gan.objective.record import (
    Adversarial,
    Config,
    Objective,
    ObjectiveRecord,
    Outputs,
    Reconstruction,
    Supervised,
    Targets,
)
from improved_gan.schema import NO_VALUE, one_of

__all__ = [
    "Adversarial",
    "Config",
    "Objective",
    "ObjectiveRecord",
    "Outputs",
    "Reconstruction",
    "Supervised",
    "Targets",
    "build_objective",
    "objectives",
    "objectives_config",
]


@cache
def objectives() -> dict[str, ObjectiveRecord]:
    """Every objective's record, by the name of its file; plugins' join them."""
    modules = {one.name: importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)}
    return {name: module.OBJECTIVE for name, module in modules.items() if hasattr(module, "OBJECTIVE")}


def build_objective(config: Config) -> Objective:
    """The objective that the config names."""
    return objectives()[config.name].build(config)


def objectives_config() -> type[Config]:
    """The dataclass with the keys of every objective; those of one's own are null with the others."""
    rules = {key.name: dict(key.metadata) for key in fields(Config)}
    rules["name"] = {**one_of(*objectives()).metadata}
    nodes = [(key.name, key.type, field(default=key.default, metadata=rules[key.name])) for key in fields(Config)]
    kinds = {record.config: name for name, record in objectives().items() if record.config is not Config}
    for kind, name in kinds.items():
        hints = get_type_hints(kind)
        for key in fields(kind)[len(rules) :]:
            default = None if key.metadata.get("neutral", NO_VALUE) is None else key.default
            made = field(default=default, metadata={**key.metadata, "owner": name})
            nodes.append((key.name, hints[key.name] | None, made))
    namespace = {"__module__": "improved_gan.config"}
    return make_dataclass("ObjectiveConfig", nodes, bases=tuple(kinds), namespace=namespace)
