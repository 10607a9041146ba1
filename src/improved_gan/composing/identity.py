"""What a run is known by: a hash of everything that decides its result, and a name for people."""

import dataclasses
import hashlib
import json
import re
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from improved_gan.composing.keys import groups
from improved_gan.config import NO_VALUE, Config
from improved_gan.plugins import in_use
from improved_gan.registry import until_it_grows

SCHEMA_VERSION = 3  # of the config that a run stores; one more needs a function in migration.py
FALSE = ("false", "no", "off", "n", "0")  # as OmegaConf reads a switch


@until_it_grows
@cache
def indecisive_keys() -> tuple[str, ...]:
    """Return the dotted keys and groups that do not affect results: the schema's `affects_result=False`."""
    return tuple(_indecisive(Config, ""))


def _indecisive(schema: Any, prefix: str) -> Iterator[str]:
    kinds = node_types(schema)
    for field in dataclasses.fields(schema):
        if not field.metadata.get("affects_result", True):
            yield prefix + field.name
        elif kinds[field.name] is not None:
            yield from _indecisive(kinds[field.name], f"{prefix}{field.name}.")


def node_types(schema: Any) -> dict[str, Any]:
    """For each field of `schema` the dataclass that it holds; None for a plain value."""
    return {
        name: next((kind for kind in typing.get_args(hint) or (hint,) if dataclasses.is_dataclass(kind)), None)
        for name, hint in typing.get_type_hints(schema).items()
    }


def affects_result(key: str) -> bool:
    """Whether the result of a run may depend on `key`, a dotted one or a group's name."""
    return not any(key == name or key.startswith(f"{name}.") for name in indecisive_keys())


def run_digest(config: Config, data_checksum: str | None = None) -> str:
    """Return eight hexadecimal digits over every key of `config` that affects the result."""
    return digest_of(dataclasses.asdict(config), type(config), data_checksum)


def digest_of(values: dict[str, Any], schema: Any = Config, data_checksum: str | None = None) -> str:
    """The digest of a config's `values`; data given by a path is known by `data_checksum`, where that is known.

    What is off or null, what does not affect the result and what is at its neutral value is left out.
    """
    decisive = _decisive(values, schema)
    if data_checksum is not None:
        decisive["dataset"]["path"] = data_checksum
    if plugins := in_use(values):
        decisive["plugin"] = sorted(plugins.values())
    words = json.dumps([SCHEMA_VERSION, decisive], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:8]


def _decisive(values: dict[str, Any], schema: Any) -> dict[str, Any]:
    found, kinds = {}, node_types(schema)
    for field in dataclasses.fields(schema):
        if not field.metadata.get("affects_result", True) or field.name not in values:
            continue
        value = values[field.name]
        if kinds[field.name] is None or not isinstance(value, dict):
            if kinds[field.name] is None and value != field.metadata.get("neutral", NO_VALUE):
                found[field.name] = value
        elif value.get("enabled", True):
            found[field.name] = _decisive(value, kinds[field.name])
    return found


def run_name(overrides: Iterable[str]) -> str:
    """How a run differs from its experiment's defaults, short and safe as a folder's name."""
    parts = []
    for text in overrides:
        key, _, value = text.partition("=")
        node = key.split("/")[0].split(".")[0]
        if node in ("experiment", "hydra") or not (affects_result(key) or node == "budget"):
            continue
        if key.endswith(".enabled"):
            parts.append(f"{key.split('.')[-2]}_{'off' if value.lower() in FALSE else 'on'}")
        elif key in groups():
            parts.append(value)
        else:
            parts.append(f"{key.partition('.')[2] or key}_{value}")
    name = "-".join(re.sub(r"[^A-Za-z0-9_.]+|\.\.+", "_", part).strip("_.") for part in parts)
    return name[:100] or "defaults"
