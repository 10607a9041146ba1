"""What can be set: the config tree's groups with their choices, and the schema's keys with their types."""

import dataclasses
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

from hydra.core.config_store import ConfigStore

from improved_gan.config import Config
from improved_gan.plugins import conf_folders, default_nodes
from improved_gan.registry import conf_folder as conf_folder
from improved_gan.registry import until_it_grows


@until_it_grows
@cache
def groups() -> dict[str, list[str]]:
    """Config groups and their choices, plugins' too, e.g. `{"dataset": ["cifar10", "digits", ...]}`."""
    found: dict[str, list[str]] = {}
    for root in (conf_folder(), *conf_folders()):
        for file in sorted(root.rglob("*.yaml")):
            group, _, choice = file.relative_to(root).with_suffix("").as_posix().partition("/")
            if choice:
                found.setdefault(group, []).append(choice)
    for group, name, _ in default_nodes():
        found[group].append(name)
    return found


def register_schema() -> None:
    """Make known to Hydra the schema, which `conf/config.yaml` builds on, and the choices that have no YAML."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for group, name, node in default_nodes():
        store.store(group=group, name=name, node=node, package="_global_" if group == "dataset" else group)


@until_it_grows
@cache
def known_keys() -> dict[str, Any]:
    """Every dotted key of the schema with its type."""
    return dict(_schema_keys(Config, ""))


def _schema_keys(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, kind in typing.get_type_hints(node).items():
        members = [m for m in typing.get_args(kind) or (kind,) if dataclasses.is_dataclass(m)]
        yield prefix + name, members[0] if members else kind
        if members:
            yield from _schema_keys(members[0], f"{prefix}{name}.")
