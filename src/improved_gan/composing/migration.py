"""Stored configs of older versions, brought to today's: one function a version, each from its own to the next."""

from collections.abc import Callable
from typing import Any

from improved_gan.composing.identity import SCHEMA_VERSION

VERSION = "schema_version"  # the first key of a stored config; version 1 had none


def from_version_1(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 hashed all keys, and stored `training.precision=auto`, then fp32 unless bf16 suits."""
    training, architecture = stored.get("training"), stored.get("architecture")
    if not isinstance(training, dict) or not isinstance(architecture, dict):
        return stored
    if training.get("precision") == "auto" and not architecture.get("learns_in_bf16"):
        return stored | {"training": training | {"precision": "fp32"}}
    return stored


def from_version_2(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had three techniques as keys of the objective, null where they were off."""
    objective, technique = stored.get("objective"), stored.get("technique")
    if not isinstance(objective, dict) or not isinstance(technique, dict):
        return stored
    moved = {
        name: {"enabled": True, key: objective[old]}
        for old, (name, key) in FROM_OBJECTIVE.items()
        if objective.get(old) is not None
    }
    kept = {key: value for key, value in objective.items() if key not in FROM_OBJECTIVE}
    return stored | {"objective": kept, "technique": technique | moved}


FROM_OBJECTIVE = {
    "clip": ("weight_clipping", "bound"),
    "gradient_penalty": ("gradient_penalty", "weight"),
    "pulling_away": ("pulling_away", "weight"),
}

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: from_version_1, 2: from_version_2}


def migrated(stored: dict[str, Any]) -> dict[str, Any]:
    """The values of a stored config as today's version writes them; raises ValueError for a later version's."""
    values = dict(stored)
    version = values.pop(VERSION, 1)
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise ValueError(f"{VERSION} {version} is not known here; a newer improved-gan wrote it")
    while version < SCHEMA_VERSION:
        values, version = MIGRATIONS[version](values), version + 1
    return values
