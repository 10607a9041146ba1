"""A run's folder: found by its hash, held by one process at a time, every file written whole or not at all.

The layout is a contract that other tools rely on: config.yaml, log.txt, metrics.jsonl, summary.json, checkpoints/,
samples/, evaluation/, wandb/.
"""

import contextlib
import dataclasses
import json
import os
import re
from pathlib import Path
from typing import IO, Any

import yaml
from omegaconf import OmegaConf

from improved_gan.composing import SCHEMA_VERSION, VERSION, Request, completing_defaults, digest_of, migrated
from improved_gan.composing.migration import migrated_summary, migrated_values
from improved_gan.config import Config, UsageError
from improved_gan.file_lock import hold
from improved_gan.files import atomic_write
from improved_gan.plugins import load_plugins, without_unused


def check_writable(folder: Path, request: str) -> None:
    """Raise `UsageError`, which begins with `request`, where nothing can be written to `folder` or it made."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{request}: {folder} cannot be written to; copy the run to a folder that can, or remount it")


def read_config(folder: Path) -> Config:
    """The config of the run in `folder`; raises `UsageError` where there is none or it is another version's."""
    try:
        stored = migrated(_stored_values(folder))
        load_plugins(stored.get("plugin"))
        stored = _literal(stored)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), completing_defaults(), stored))
    except Exception as error:  # unreadable YAML, unknown keys: whatever is wrong, this folder is no run of ours
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"run={folder}: config.yaml cannot be read as a run's config ({reason})") from None
    assert isinstance(config, Config)
    return config


def _literal(value: Any) -> Any:
    """`value` with its `${...}` escaped: a stored path may hold such, and OmegaConf would look for a key."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return value


def runs_by_digest(parent: Path) -> dict[str, Path]:
    """The run folders in `parent` by their hash, one reading of the folder for all of them.

    The hash ends a folder's name; of a run of an older version, whatever its name, it is computed from its config.
    """
    names = sorted((entry.name for entry in parent.iterdir()), reverse=True) if parent.is_dir() else []
    found = {name.rpartition("-")[2]: parent / name for name in names if "-" in name}
    for name in names:
        if _is_older(parent / name / "config.yaml"):
            for digest in _digests_of_older(parent / name):
                found.setdefault(digest, parent / name)
    return found


def _is_older(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.readline().strip() != f"{VERSION}: {SCHEMA_VERSION}".encode()
    except OSError:
        return False


def _digests_of_older(folder: Path) -> list[str]:
    """Today's hashes of an older run; its config holds the classes that were found where the request left them open."""
    try:
        values = migrated(_stored_values(folder))
        data = values["dataset"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return []
    if data.get("path") is None:
        return [digest_of(values)]
    checksum = (RunFolder(folder).summary().get("dataset") or {}).get("checksum")
    open_classes = values | {"dataset": data | {"classes": None}}
    return [digest_of(each, data_checksum=checksum) for each in (values, open_classes)]


def _stored_values(folder: Path) -> dict[str, Any]:
    with open(folder / "config.yaml", "rb") as file:
        stored = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(stored, dict):
        raise ValueError("it holds no keys")
    return stored


class RunFolder:
    """`<output_root>/<experiment>/<name>-<hash>` and what lies in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    @classmethod
    def of(cls, request: Request) -> "RunFolder":
        """The folder of `request`: an existing one with its hash, else the one that its name asks for."""
        parent = Path(request.config.output_root).absolute() / request.experiment
        named = parent / f"{request.name}-{request.digest}"
        return cls(named if named.is_dir() else runs_by_digest(parent).get(request.digest, named))

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def acquire(self) -> None:
        """Create the folder and hold it; raises `UsageError` if another process does."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be created ({error.strerror})") from None
        self._lock = open(self.path / ".lock", "w")  # noqa: SIM115 held until `release`
        try:
            hold(self._lock, wait=False)
        except BlockingIOError:
            self._lock.close()
            raise UsageError(f"{self.path}: another process is training this run right now") from None

    def release(self) -> None:
        """Let another process have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def write_config(self, config: Config) -> None:
        values = {VERSION: SCHEMA_VERSION, **without_unused(dataclasses.asdict(config))}
        with atomic_write(self.path / "config.yaml") as file:
            file.write(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).encode())

    def summary(self) -> dict[str, Any]:
        """Return summary.json in today's names; empty if it is not there or was damaged."""
        try:
            summary = json.loads((self.path / "summary.json").read_text())
        except (OSError, ValueError):
            return {}
        return migrated_summary(summary) if isinstance(summary, dict) else {}

    def write_summary(self, summary: dict[str, Any]) -> None:
        with atomic_write(self.path / "summary.json") as file:
            file.write(json.dumps(summary, indent=2).encode() + b"\n")

    def append_metrics(self, values: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(values) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Return the complete lines of metrics.jsonl in today's names; one that was cut off or altered is left out."""
        try:
            lines = (self.path / "metrics.jsonl").read_text().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                values = json.loads(line)
                if isinstance(values, dict) and "step" in values:
                    found.append(migrated_values(values))
        return found

    def rewind_metrics(self, step: int) -> None:
        """Drop the lines of steps after `step`, which a resumed run will write again."""
        kept = [line for line in self.metrics() if line["step"] <= step]
        with atomic_write(self.path / "metrics.jsonl") as file:
            file.write("".join(json.dumps(line) + "\n" for line in kept).encode())
