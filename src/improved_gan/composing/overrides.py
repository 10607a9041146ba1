"""Overrides read and checked one by one, before anything is composed: is there such a key, such a choice?"""

import dataclasses
import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from improved_gan.composing.errors import printable
from improved_gan.composing.keys import groups, known_keys
from improved_gan.composing.migration import RENAMED
from improved_gan.config import UsageError


def parsed(overrides: Iterable[str]) -> list[Override]:
    """The overrides as Hydra reads them; raises `UsageError` for the first that sets nothing which can be set."""
    return [_parsed(text) for text in overrides]


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> Override:
    try:
        (override,) = OverridesParser.create().parse_overrides([text])
    except HydraException:
        hint = "; quote a value with unusual characters: 'key=\"value\"'" if "=" in text.strip("=") else ""
        raise UsageError(f"{printable(text)}: cannot be read; write key=value or group=choice{hint}") from None
    _check(override)
    return override


def _check(override: Override) -> None:
    key, line = override.key_or_group, printable(override.input_line or "")
    if override.is_add() or override.is_force_add() or override.is_delete() or override.package:
        raise UsageError(f"{line}: keys can be set, not added, removed or moved; write key=value")
    if key.split(".")[0].split("/")[0] == "hydra":
        _check_hydra_key(override, line)
        return
    keys, choices = known_keys(), groups()
    if key in choices:
        if not override.is_sweep_override():
            _check_choice(key, override.value(), choices[key])
        return
    if key in RENAMED:
        hint = " (1 - rate)" if key.endswith(".rate") else ""
        raise UsageError(f"{line}: {key} is called {RENAMED[key]}{hint} now; set that")
    if key not in keys:
        hint = _nearest(key, [*keys, *choices]) or "; improved-gan --help lists the groups"
        raise UsageError(f"{line}: unknown key {printable(key)}{hint}")
    if dataclasses.is_dataclass(keys[key]):
        first = dataclasses.fields(keys[key])[0].name
        raise UsageError(f"{line}: {key} holds several keys; set one of them, e.g. {key}.{first}=...")


def _check_hydra_key(override: Override, line: str) -> None:
    """Launchers are the user's choice; Hydra's folders, logs and modes are not, as a run's folder is ours."""
    key = override.key_or_group
    if key != "hydra/launcher" and not key.startswith("hydra.launcher."):
        raise UsageError(f"{line}: of Hydra's own keys only hydra/launcher and hydra.launcher.* are supported")
    if key == "hydra.launcher.n_jobs" and not override.is_sweep_override() and override.value() == 0:
        raise UsageError(f"{line}: must be at least 1 job at a time, or -1 for all cores")


def _check_choice(group: str, choice: Any, known: list[str]) -> None:
    if choice is None or str(choice) not in known:
        hint = _nearest(str(choice), known)
        raise UsageError(f"{group}={printable(str(choice))}: must be one of {', '.join(known)}{hint}")


def _nearest(word: str, known: list[str]) -> str:
    """A question after the known word that looks most like `word`; empty if none does."""
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]}?" if nearest else ""
