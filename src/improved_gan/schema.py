"""How a key of a config is declared: its type, its range, and what it has to do with a run's hash."""

import pkgutil
from dataclasses import field
from pathlib import Path
from typing import Any

from omegaconf import MISSING


class UsageError(ValueError):
    """What the user asked for cannot be done; the message names the key, its value and what would be right."""


def files_of(folder: str) -> tuple[str, ...]:
    """The names of the modules in a folder of the package: the choices of a group with a file each."""
    found = pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    return tuple(module.name for module in found if not module.ispkg)


class _NoValue:
    """Stands for "no neutral value": such a key is always part of a run's hash."""


NO_VALUE: Any = _NoValue()


def number(
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    affects_result: bool = True,
    neutral: Any = NO_VALUE,
    default: Any = MISSING,
) -> Any:
    """A numeric key that must lie in the given range (`None` values pass); the rest as in `key`.

    Our values stand in YAML; `default` is for a plugin of one file that brings none.
    """
    metadata = {"minimum": minimum, "above": above, "maximum": maximum}
    return field(default=default, metadata={**metadata, **_identity(affects_result, neutral)})


def one_of(*choices: str, affects_result: bool = True, neutral: Any = NO_VALUE, default: Any = MISSING) -> Any:
    """A key that must be one of the given words, or a list of them; the rest as in `number`."""
    return field(default=default, metadata={"choices": choices, **_identity(affects_result, neutral)})


def key(*, affects_result: bool = True, neutral: Any = NO_VALUE, **default: Any) -> Any:
    """A key or node of any kind.

    One that does not affect the result is not part of a run's hash, nor is one at its neutral value: what a run did
    before the key existed. A key that is added later needs one of the two, or it orphans every older run.
    """
    return field(**(default or {"default": MISSING}), metadata=_identity(affects_result, neutral))


def _identity(affects_result: bool, neutral: Any) -> dict[str, Any]:
    return {"affects_result": affects_result, "neutral": neutral}
