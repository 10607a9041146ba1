"""Which variants there are: each group's records by name, a file each."""

import importlib
import pkgutil
from dataclasses import field, fields, make_dataclass
from functools import cache
from typing import Any

from improved_gan import technique
from improved_gan.technique import Technique


@cache
def techniques() -> dict[str, Technique]:
    """Every technique's record, by the name of its file."""
    names = [module.name for module in pkgutil.iter_modules(technique.__path__)]
    return {name: importlib.import_module(f"{technique.__name__}.{name}").TECHNIQUE for name in names}


def techniques_config() -> type:
    """The dataclass with a node for each technique, its method `enabled` the names of those that are on."""

    def enabled(self: Any) -> list[str]:
        return [node.name for node in fields(self) if getattr(self, node.name).enabled]

    nodes = [(name, record.config, field(default_factory=record.config)) for name, record in techniques().items()]
    namespace = {"enabled": enabled, "__module__": "improved_gan.config"}
    return make_dataclass("TechniqueConfig", nodes, namespace=namespace)
