"""What a run is known by: a hash of everything that decides its result, and a name for people."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable

from improved_gan.composing.keys import groups
from improved_gan.config import Config

# What decides no result: neither in a run's hash nor (but for the budget) in its name.
UNHASHED_KEYS = (
    "output_root",
    "data_root",
    "device",
    "run",
    "job",
    "sample",
    "images",
    "evaluate",
    "report",
    "search",
    "human_study",
    "paper",
    "phenomenon",
    "tracking",
    "budget",
    "sweep",
    "training.log_interval",
    "training.sample_interval",
    "training.checkpoint_interval",
    "metrics.batch_size",
)
FALSE = ("false", "no", "off", "n", "0")  # as OmegaConf reads a switch


def affects_result(key: str) -> bool:
    """Whether the result of a run may depend on `key`, a dotted one or a group's name."""
    return not any(key == name or key.startswith(f"{name}.") for name in UNHASHED_KEYS)


def run_digest(config: Config) -> str:
    """Eight hexadecimal digits over everything in `config` that decides the result."""
    decisive = dataclasses.asdict(config)
    for key in UNHASHED_KEYS:
        node, parts = decisive, key.split(".")
        for part in parts[:-1]:
            node = node[part]
        del node[parts[-1]]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]


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
