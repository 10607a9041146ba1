"""From command-line overrides to checked configs: Hydra composes, every complaint becomes one sentence.

Nothing here imports torch, so a wrong request is answered at once.
"""

import copy
import dataclasses
import difflib
import hashlib
import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from improved_gan.checks import check
from improved_gan.config import Config, RequestError

# What decides no result: neither in a run's hash nor in its name.
NOT_IN_HASH = (
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


@dataclass(frozen=True)
class Request:
    """One job to do: its checked config, its experiment, and the name and hash that its run folder carries."""

    config: Config
    experiment: str
    name: str
    digest: str
    overrides: tuple[str, ...]
    scaled: bool  # the budget made it smaller than its experiment asks


def conf_folder() -> Path:
    """The config tree: inside the installed package, or at the top of the source tree."""
    packaged = Path(__file__).parent / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


@cache
def groups() -> dict[str, list[str]]:
    """Config groups and their choices, e.g. `{"dataset": ["cifar10", "digits", ...]}`."""
    root = conf_folder()
    found: dict[str, list[str]] = {}
    for file in sorted(root.rglob("*.yaml")):
        group, _, choice = file.relative_to(root).with_suffix("").as_posix().partition("/")
        if choice:
            found.setdefault(group, []).append(choice)
    return found


def register_schema() -> None:
    """Make the schema known to Hydra under the name that `conf/config.yaml` builds on."""
    ConfigStore.instance().store(name="schema", node=Config)


def compose_jobs(arguments: list[str], multirun: bool | None = None) -> list[Request]:
    """The requests that command-line `arguments` stand for, each composed and checked.

    A single run gives one; with `-m` (or `--multirun`) among the arguments, one for each combination.
    An experiment's file may hold a sweep of its own (`hydra.sweeper.params`): in a multirun it is taken for the keys
    that the command line leaves alone.
    Raises `RequestError` for the first wrong one, or for all wrong ones of a multirun together (a line each).
    """
    flags = [a for a in arguments if a in ("-m", "--multirun")]
    overrides = [a for a in arguments if a not in flags]
    parsed = _parse(overrides)
    if flags:
        parsed += _parse(_experiments_sweep(parsed))
    for override in parsed:
        if override.is_hydra_override() and override.is_sweep_override():
            raise RequestError(f"{override.input_line}: one value for the whole sweep")
    if not flags:
        for override in parsed:
            if override.is_sweep_override():
                raise RequestError(f"{override.input_line}: several values need -m (a multirun)")
        jobs = [overrides]
    else:
        jobs = _combinations(parsed + _parse(_own_sweep(parsed)))
    register_schema()
    requests, wrong = [], []
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        for number, job in enumerate(jobs, start=1):
            try:
                requests.append(_compose(tuple(job)))
            except RequestError as error:
                if not flags:
                    raise
                wrong.append((f"job {number} ({' '.join(job)})", str(error)))
    skip_invalid = any(request.config.sweep.skip_invalid for request in requests)
    if wrong and not (skip_invalid and requests):
        reasons = {reason for _, reason in wrong}
        if len(reasons) == 1 and not requests:  # not the combination's fault
            raise RequestError(reasons.pop())
        raise RequestError("\nerror: ".join(f"{job}: {reason}" for job, reason in wrong))
    return requests


def _experiments_sweep(parsed: list[Override]) -> list[str]:
    """What the experiment's file sweeps over (Hydra's `sweeper.params`), where the command line leaves it open."""
    chosen = [o.value() for o in parsed if o.key_or_group == "experiment" and not o.is_sweep_override()]
    if not chosen:
        return []
    file = OmegaConf.load(conf_folder() / "experiment" / f"{chosen[-1]}.yaml")
    params = OmegaConf.select(file, "hydra.sweeper.params") or {}
    given = {override.key_or_group for override in parsed}
    return [f"{key}={values}" for key, values in params.items() if key not in given]


def _combinations(parsed: list[Override]) -> list[list[str]]:
    try:
        jobs = [list(job) for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for job in batch]
    except IndexError:
        jobs = []
    if not jobs:  # of an empty range
        raise RequestError(f"{' '.join(o.input_line or '' for o in parsed if o.is_sweep_override())}: names no value")
    return jobs


def _own_sweep(parsed: list[Override]) -> list[str]:
    """The chosen experiment's own sweep, as overrides, less the keys that `parsed` sets."""
    chosen = [o for o in parsed if o.key_or_group == "experiment" and not o.is_sweep_override()]
    if not chosen:
        return []
    register_schema()
    try:
        with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
            composed = compose("config", [o.input_line or "" for o in chosen], return_hydra_config=True)
    except HydraException as error:
        raise _explained(error, ()) from None
    given = {override.key_or_group for override in parsed}
    params = composed.hydra.sweeper.params or {}
    return [f"{key}={values}" for key, values in params.items() if key not in given]


def _parse(overrides: list[str]) -> list[Override]:
    return [_parse_one(text) for text in overrides]


@lru_cache(maxsize=10_000)
def _parse_one(text: str) -> Override:
    try:
        (override,) = OverridesParser.create().parse_overrides([text])
    except HydraException:
        hint = "; quote a value with unusual characters: 'key=\"value\"'" if "=" in text.strip("=") else ""
        raise RequestError(f"{_printable(text)}: cannot be read; write key=value or group=choice{hint}") from None
    _check_key(override)
    return override


def _check_key(override: Override) -> None:
    key, line = override.key_or_group, _printable(override.input_line or "")
    if override.is_add() or override.is_force_add() or override.is_delete() or override.package:
        raise RequestError(f"{line}: keys can be set, not added, removed or moved; write key=value")
    if key.split(".")[0].split("/")[0] == "hydra":
        _check_hydra_key(override, line)
        return
    keys, choices = known_keys(), groups()
    if key in choices:
        if not override.is_sweep_override():
            _check_choice(key, override.value(), choices[key])
        return
    if key not in keys:
        nearest = difflib.get_close_matches(key, [*keys, *choices], n=1, cutoff=0.5)
        hint = f"; did you mean {nearest[0]}?" if nearest else "; improved-gan --help lists the groups"
        raise RequestError(f"{line}: unknown key {_printable(key)}{hint}")
    if dataclasses.is_dataclass(keys[key]):
        raise RequestError(
            f"{line}: {key} holds several keys; set one of them, e.g. {key}.{_first_field(keys[key])}=..."
        )


def _check_hydra_key(override: Override, line: str) -> None:
    """Launchers are the user's choice; Hydra's folders, logs and modes are not, as a run's folder is ours."""
    key = override.key_or_group
    if key != "hydra/launcher" and not key.startswith("hydra.launcher."):
        raise RequestError(f"{line}: of Hydra's own keys only hydra/launcher and hydra.launcher.* are heeded here")
    if key == "hydra.launcher.n_jobs" and not override.is_sweep_override() and override.value() == 0:
        raise RequestError(f"{line}: must be at least 1 job at a time, or -1 for all cores")


def _check_choice(group: str, choice: Any, known: list[str]) -> None:
    if choice is not None and str(choice) in known:
        return
    nearest = difflib.get_close_matches(str(choice), known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise RequestError(f"{group}={_printable(str(choice))}: must be one of {', '.join(known)}{hint}")


def _first_field(node: Any) -> str:
    return dataclasses.fields(node)[0].name


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


def _compose(overrides: tuple[str, ...]) -> Request:
    parsed = _parse(list(overrides))
    decides_files = [o.key_or_group in groups() or o.is_hydra_override() for o in parsed]
    try:
        template, choices = _chosen_files(tuple(t for t, d in zip(overrides, decides_files, strict=True) if d))
        composed = copy.deepcopy(template)
        values = [o for o, d in zip(parsed, decides_files, strict=True) if not d]
        ConfigLoaderImpl._apply_overrides_to_config(values, composed)
        return request_for(composed, choices, overrides)
    except (HydraException, OmegaConfBaseException, AssertionError) as error:
        raise _explained(error, overrides) from None


@lru_cache(maxsize=256)
def _chosen_files(overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, Any]]:
    """What Hydra makes of group choices alone, and the choices.

    The jobs of a sweep mostly share their files and differ in values, which are then set in a copy: reading and
    merging the files is nine tenths of the time that composing takes.
    """
    composed = compose("config", list(overrides), return_hydra_config=True)
    choices = dict(composed.hydra.runtime.choices)
    with open_dict(composed):
        del composed["hydra"]
    return composed, choices


def request_for(composed: DictConfig, choices: Mapping[Any, Any], overrides: tuple[str, ...]) -> Request:
    """The checked request that a composed config stands for, without its `hydra` node."""
    config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    scaled = apply_budget(config)
    check(config)
    return Request(
        config=config,
        experiment=choices.get("experiment") or ("game" if config.job.name == "game" else "default"),
        name=run_name(overrides),
        digest=run_digest(config),
        overrides=overrides,
        scaled=scaled,
    )


def _explained(error: Exception, overrides: tuple[str, ...]) -> RequestError:
    """Hydra's and OmegaConf's complaints (assertions too) as `key=value: what would be right`."""
    for key in (text.partition("=")[0] for text in overrides):
        job = key.partition(".")[0]
        if job in groups()["job"] and f"job={job}" not in overrides:  # its node is null, which nothing can be set in
            return RequestError(f"{key}: belongs to job={job}, which was not asked for; add it, or leave {key} out")
    override = re.search(r"Error merging override (\S.*)", str(error))
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if override:
        line = override.group(1).strip()
        kind = known_keys().get(line.split("=", 1)[0].lstrip("+"))
        if kind is None:  # one of Hydra's own keys
            return RequestError(f"{_printable(line)}: {_printable(str(cause).splitlines()[0])}")
        return RequestError(f"{_printable(line)}: must be {_kind_words(kind)}")
    where = getattr(cause, "full_key", None)
    message = _printable((str(cause).splitlines() or [type(cause).__name__])[0])
    if "BasicLauncherConf" in message:
        message += "; hydra/launcher=joblib or submitit_slurm has such settings"
    if "hydra/launcher" in message:
        message += "; joblib, submitit_local and submitit_slurm come with pip install 'improved-gan[sweep]'"
    return RequestError(f"{where}: {message}" if where and where not in message else message)


def _kind_words(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    members = typing.get_args(kind)
    if typing.get_origin(kind) is list:
        return f"a list like [{_kind_words(members[0]).split()[-1]}, ...]"
    return " or ".join(_kind_words(member) for member in members) if members else words.get(kind, "another value")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.encode("utf-8", "replace").decode())


def apply_budget(config: Config) -> bool:
    """Cap steps, samples and width as the budget says; true if that changed anything."""
    budget, before = config.budget, dataclasses.asdict(config)
    if budget.max_steps is not None:
        config.training.steps = min(config.training.steps or budget.max_steps, budget.max_steps)
    if budget.max_samples is not None:
        config.metrics.samples = min(config.metrics.samples, budget.max_samples)
        config.metrics.reference_samples = min(config.metrics.reference_samples, budget.max_samples)
    if budget.max_width is not None:
        config.architecture.width = min(config.architecture.width, budget.max_width)
        config.architecture.generator_width = min(config.architecture.generator_width, budget.max_width)
    return dataclasses.asdict(config) != before


@cache
def indecisive_defaults() -> DictConfig:
    """Today's defaults of the keys that decide no result: what a run made before one of them existed lacks."""
    (default,) = compose_jobs([])
    values = OmegaConf.create(dataclasses.asdict(default.config))
    return OmegaConf.masked_copy(values, [key for key in NOT_IN_HASH if "." not in key])


def run_digest(config: Config) -> str:
    """Eight hexadecimal digits over everything in `config` that decides the result."""
    decisive = dataclasses.asdict(config)
    for key in NOT_IN_HASH:
        node, parts = decisive, key.split(".")
        for part in parts[:-1]:
            node = node[part]
        del node[parts[-1]]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]


def run_name(overrides: tuple[str, ...]) -> str:
    """How a run differs from its experiment's defaults, short and safe as a folder's name."""
    parts = []
    for text in overrides:
        key, _, value = text.partition("=")
        ignored = key.split("/")[0].split(".")[0] in ("experiment", "hydra")
        if ignored or any(key == name or key.startswith(f"{name}.") for name in NOT_IN_HASH if name != "budget"):
            continue
        if key.endswith(".enabled"):
            parts.append(f"{key.split('.')[-2]}_{'off' if value.lower() in FALSE else 'on'}")
        elif key in groups():
            parts.append(value)
        else:
            parts.append(f"{key.partition('.')[2] or key}_{value}")
    name = "-".join(re.sub(r"[^A-Za-z0-9_.]+|\.\.+", "_", part).strip("_.") for part in parts)
    return name[:100] or "defaults"
