"""Variants from outside: `plugin=FILE.py|NAME|[...]` and installed packages, taken in before anything is composed.

A file holds a record or several, `TECHNIQUE`, `METRIC`, ..., each under the file's name; a package is laid out like
ours, a file a variant in folders named as ours. Installed packages with an entry point in `improved_gan.plugins` are
always there. What of a plugin is switched on is part of a run's identity, by the content of the plugin's files.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from omegaconf import MISSING

from improved_gan import registry
from improved_gan.schema import UsageError

ENTRY_POINTS = "improved_gan.plugins"
RECORDS = {  # a record's name in its file, and its group
    "TECHNIQUE": "technique",
    "METRIC": "metrics",
    "OBJECTIVE": "objective",
    "ARCHITECTURE": "architecture",
    "DATASET": "dataset",
}
BUILT_ON = {"objective": "hinge", "architecture": "digits_mlp", "dataset": "npz"}
"""Whose values a variant without YAML has for the keys of which its Config says nothing."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that was taken in: its variants as (group, name), and a checksum of the files that they came from."""

    module: ModuleType
    variants: tuple[tuple[str, str], ...]
    checksum: str

    @property
    def folder(self) -> Path:
        assert self.module.__file__ is not None
        return Path(self.module.__file__).parent


_loaded: dict[str, Plugin] = {}  # by the name that they are asked for, a file's with its whole path


def load_plugins(asked: Any = None) -> None:
    """Take in the installed plugins, and `asked`: null, a name or a list of names. Those that are there stay.

    Raises `UsageError` where there is no such plugin, where it holds no variant, and for a name that is taken.
    """
    for name in [*_entry_points(), *listed(asked)]:
        _load(whole_name(name))


def listed(asked: Any) -> list[str]:
    """The value of the key `plugin`, which may be null, a name or a list of names, as a list."""
    if asked is None:
        return []
    return [str(name) for name in asked] if isinstance(asked, Sequence) and not isinstance(asked, str) else [str(asked)]


def whole_name(plugin: str) -> str:
    """A file's absolute path; a package's name as it is."""
    return os.path.abspath(os.path.expanduser(plugin)) if plugin.endswith(".py") else plugin


def in_use(values: Mapping[str, Any]) -> dict[str, str]:
    """The plugins that have a variant switched on in a config's `values`, with the checksums of their files."""
    return {
        name: plugin.checksum
        for name, plugin in _loaded.items()
        if any(_is_on(values, group, variant) for group, variant in plugin.variants)
    }


def without_unused(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config's `values` without the plugins of which nothing is on, so that they are read without these too."""
    used = in_use(values)
    variants = [variant for name, plugin in _loaded.items() if name not in used for variant in plugin.variants]
    kept = {**values, "plugin": list(used) or None}
    for group in ("technique", "objective", "architecture", "dataset"):
        off = [name for of, name in variants if of == group]
        off += [key for key, owner in registry.owners(group).items() if owner in off]
        kept[group] = {key: value for key, value in values[group].items() if key not in off}
    return kept


def _is_on(values: Mapping[str, Any], group: str, name: str) -> bool:
    node = values.get(group) or {}
    if group == "technique":
        return bool(node.get(name, {}).get("enabled"))
    if group == "metrics":
        return name in node.get("names", [])
    return bool(node.get("source" if group == "dataset" else "name") == name)


def default_nodes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Group, name and config node of every choice for which its plugin brings no YAML: its Config's defaults."""
    for plugin in _loaded.values():
        for group, name in plugin.variants:
            if group in BUILT_ON and not (plugin.folder / "conf" / group / f"{name}.yaml").is_file():
                yield group, name, _default_node(group, name)


def _default_node(group: str, name: str) -> dict[str, Any]:
    config = registry.records(group)[name].config
    given = asdict(config()) if config is not None else {}
    values = {"name": name} | {key: value for key, value in given.items() if value != MISSING}
    if group == "dataset":
        return {"defaults": [BUILT_ON[group]], "dataset": {"source": name, **values}}
    shape = {"image_shape": "${dataset.image_shape}"} if group == "architecture" else {}
    return {"defaults": [BUILT_ON[group]], **shape, **values}


def search_path() -> list[str]:
    """The override that has Hydra look into the plugins' config folders too; none where there are no such."""
    folders = [f"file://{folder}" for folder in conf_folders()]
    return [f"hydra.searchpath=[{','.join(map(repr, folders))}]"] if folders else []


def conf_folders() -> list[Path]:
    """The config folders of the plugins that are there: `conf/` in a package, or beside a lone file."""
    folders = dict.fromkeys(plugin.folder / "conf" for plugin in _loaded.values())
    return [folder for folder in folders if folder.is_dir()]  # Hydra only warns of one that is not there


def python_path() -> list[str]:
    """The folders of lone files, from which other processes must be able to import them."""
    return list(dict.fromkeys(str(plugin.folder) for name, plugin in _loaded.items() if name.endswith(".py")))


def _load(name: str) -> None:
    if name in _loaded:
        return
    module = _module(name)
    if any(plugin.module is module for plugin in _loaded.values()):  # a package by its entry point and by its name
        return
    found = list(_records(name, module))
    if not found:
        raise UsageError(f"plugin={name}: holds no variant; a file of one has a record named {' or '.join(RECORDS)}")
    for group, variant, record in found:
        if variant in registry.records(group) or variant in _ours(group):
            raise UsageError(f"plugin={name}: {variant} is taken in group {group}; give the file another name")
        if group in BUILT_ON and record.config is not None:
            _check_keys(name, group, record.config)
    checksum = _checksum(module)
    _loaded[name] = Plugin(module, tuple((group, variant) for group, variant, _ in found), checksum)
    for group, variant, record in found:
        registry.add(group, variant, replace(record, checksum=checksum) if group == "dataset" else record)


def _check_keys(plugin: str, group: str, config: type[Any]) -> None:
    owners = registry.owners(group)
    for key in fields(config):
        if key.name in owners:
            raise UsageError(f"plugin={plugin}: {group}.{key.name} is a key of {owners[key.name]}; name it otherwise")


def _ours(group: str) -> list[str]:
    return [path.stem for path in (registry.conf_folder() / group).glob("*.yaml")] if group in BUILT_ON else []


def _module(name: str) -> ModuleType:
    if name.endswith(".py"):
        return _module_of_file(Path(name))
    known = _entry_points()
    try:
        there = name in known or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        there = False
    if not there:
        installed = f" (installed: {', '.join(known)})" if known else ""
        raise UsageError(f"plugin={name}: must be a .py file or a package that can be imported{installed}")
    return _imported(name, known.get(name, name))


@cache
def _entry_points() -> dict[str, str]:
    """The modules of installed plugins, by the names of their entry points."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"plugin={path}: there is no such file")
    if str(path.parent) not in sys.path:  # last: it hides nothing; a config's class is found there by its name
        sys.path.append(str(path.parent))
    module = _imported(str(path), path.stem)
    if not module.__file__ or not Path(module.__file__).samefile(path):
        raise UsageError(f"plugin={path}: there is a module {path.stem} already; give the file another name")
    return module


def _imported(plugin: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise UsageError(f"plugin={plugin}: cannot be imported ({type(error).__name__}: {error})") from error


def _records(plugin: str, module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """Group, name and record of the variants of a file, or of a package's folders."""
    modules = [module]
    for group in dict.fromkeys(RECORDS.values()) if hasattr(module, "__path__") else ():
        folder = Path(str(module.__file__)).parent / group
        names = [f"{module.__name__}.{group}.{found.name}" for found in pkgutil.iter_modules([str(folder)])]
        modules += [_imported(plugin, name) for name in names]
    for each in modules:
        for word, group in RECORDS.items():
            if hasattr(each, word):
                yield group, each.__name__.rpartition(".")[2], getattr(each, word)


def _checksum(module: ModuleType) -> str:
    """Of what a plugin's Python files hold, wherever they lie; what its YAML says is in the config itself."""
    found, home = hashlib.sha256(), Path(str(module.__file__)).parent
    files = sorted(home.rglob("*.py")) if hasattr(module, "__path__") else [Path(str(module.__file__))]
    for file in files:
        found.update(str(file.relative_to(home)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]
