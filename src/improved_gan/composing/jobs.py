"""The jobs that a command line stands for: a multirun's combinations, each composed by Hydra and checked."""

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from improved_gan.composing.errors import to_usage_error
from improved_gan.composing.fitting import BY_SHAPE, fitting_architecture
from improved_gan.composing.hydra_internals import apply_overrides, split_arguments
from improved_gan.composing.identity import affects_result, node_types
from improved_gan.composing.keys import conf_folder, groups, register_schema
from improved_gan.composing.overrides import parsed
from improved_gan.composing.request import Request, identified, request_for
from improved_gan.config import NO_VALUE, Config, UsageError
from improved_gan.plugins import load_plugins, search_path
from improved_gan.registry import until_it_grows

T = TypeVar("T")


def compose_jobs(arguments: Sequence[str]) -> list[Request]:
    """The requests that command-line `arguments` stand for, each composed and checked.

    A single run gives one; with `-m` (or `--multirun`) among the arguments, one for each combination.
    An experiment's file may hold a sweep of its own (`hydra.sweeper.params`): in a multirun it is taken for the keys
    that the command line leaves alone.
    Raises `UsageError` for the first wrong one, or for all wrong ones of a multirun together (a line each).
    """
    texts = [argument for argument in arguments if argument not in ("-m", "--multirun")]
    load_asked_for(texts)
    multirun, overrides = len(texts) < len(arguments), parsed(texts)
    for override in overrides:
        if override.is_sweep_override() and override.is_hydra_override():
            raise UsageError(f"{override.input_line}: must be one value for the whole sweep")
        if override.is_sweep_override() and not multirun:
            raise UsageError(f"{override.input_line}: several values require -m (a multirun)")
    register_schema()
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        if not multirun:
            return [identified(_composed(tuple(texts)))]
        own = parsed(_experiments_sweep(overrides))
        if any(override.key_or_group == "experiment" for override in own):  # one that stands for several
            overrides = [override for override in overrides if override.key_or_group != "experiment"]
        return _all_composed(_combinations(overrides + own))


def load_asked_for(texts: Sequence[str]) -> None:
    """Take in the plugins that a command line names: what can be set depends on them."""
    for override in parsed([text for text in texts if text.startswith("plugin=")]):
        if override.is_sweep_override():
            raise UsageError(f"{override.input_line}: one value for the whole sweep; several are plugin=[ONE,OTHER]")
        load_plugins(override.value())
    load_plugins()


def _experiments_sweep(overrides: list[Override]) -> list[str]:
    """The chosen experiment's own sweep, as overrides, less the keys that `overrides` set; it may be of experiments."""
    chosen = [o for o in overrides if o.key_or_group == "experiment" and not o.is_sweep_override()]
    if not chosen:
        return []
    try:
        composed = compose("config", search_path() + [o.input_line or "" for o in chosen], return_hydra_config=True)
    except HydraException as error:
        raise to_usage_error(error, ()) from None
    given = {override.key_or_group for override in overrides} - {"experiment"}
    params = composed.hydra.sweeper.params or {}
    return [f"{key}={values}" for key, values in params.items() if key not in given]


def _combinations(overrides: list[Override]) -> list[list[str]]:
    """The overrides of each job of a multirun, one value for each key."""
    overrides = [_listed(override) for override in overrides]
    try:
        jobs = [list(job) for batch in split_arguments(overrides, max_batch_size=None) for job in batch]
    except IndexError:
        jobs = []
    except (HydraException, ValueError) as error:  # range(1,3,0)
        raise to_usage_error(error, [override.input_line or "" for override in overrides]) from None
    if not jobs:  # of an empty range
        swept = " ".join(override.input_line or "" for override in overrides if override.is_sweep_override())
        raise UsageError(f"{swept}: names no value")
    return jobs


def _listed(override: Override) -> Override:
    """`override` with its values one by one where it has Hydra's words for many: glob(...) is a group's choices."""
    key, line = override.key_or_group, override.input_line
    value: Any = override.value()  # Hydra's annotation lacks Glob
    if isinstance(value, IntervalSweep):
        raise UsageError(
            f"{line}: names no values; job=search tries values between two bounds "
            f"('search.space={{{key}: [{value.start:g}, {value.end:g}, linear]}}')"
        )
    if not isinstance(value, Glob):
        return override
    if key not in groups():
        raise UsageError(f"{line}: glob() is for groups ({', '.join(groups())}); list the values")
    matching = value.filter(groups()[key])
    if not matching:
        raise UsageError(f"{line}: matches none of {', '.join(groups()[key])}")
    return parsed([f"{key}={','.join(matching)}"])[0]


def _all_composed(jobs: list[list[str]]) -> list[Request]:
    """The requests of a multirun; wrong ones are all listed, unless `sweep.skip_invalid` leaves them out."""
    named = {f"job {number} ({' '.join(job)})": tuple(job) for number, job in enumerate(jobs, start=1)}
    composed = _right_ones(named, _composed)
    known: dict[str, tuple[str, tuple[str, ...]]] = {}
    return list(_right_ones(composed, lambda request: identified(request, known)).values())  # reads, so it comes last


def _right_ones(jobs: Mapping[str, T], done: Callable[[T], Request]) -> dict[str, Request]:
    """The jobs for which `done` finds nothing wrong, by name. Raises `UsageError`, a line for each wrong one."""
    requests, wrong = {}, []
    for name, job in jobs.items():
        try:
            requests[name] = done(job)
        except UsageError as error:
            wrong.append((name, str(error)))
    skip_invalid = any(request.config.sweep.skip_invalid for request in requests.values())
    if wrong and not skip_invalid:
        reasons = {reason for _, reason in wrong}
        if len(reasons) == 1 and not requests:  # not the combination's fault
            raise UsageError(reasons.pop())
        raise UsageError("\nerror: ".join(f"{job}: {reason}" for job, reason in wrong))
    return requests


def _composed(texts: tuple[str, ...]) -> Request:
    overrides = parsed(texts)
    decides_files = [o.key_or_group in groups() or o.is_hydra_override() for o in overrides]
    try:
        files = tuple(t for t, d in zip(texts, decides_files, strict=True) if d)
        values = [o for o, d in zip(overrides, decides_files, strict=True) if not d]
        composed, choices = _with_values(files, values)
        if choices["architecture"] == BY_SHAPE and (fitting := fitting_architecture(composed)):
            files = (*(t for t in files if not t.startswith("architecture=")), f"architecture={fitting}")
            composed, choices = _with_values(files, values)
        return request_for(composed, choices, texts)
    except (HydraException, OmegaConfBaseException, AssertionError) as error:
        raise to_usage_error(error, texts) from None


def _with_values(files: tuple[str, ...], values: list[Override]) -> tuple[DictConfig, dict[str, Any]]:
    template, choices = _chosen_files(files)
    composed = copy.deepcopy(template)
    apply_overrides(values, composed)
    return composed, choices


@until_it_grows
@lru_cache(maxsize=256)
def _chosen_files(overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, Any]]:
    """What Hydra makes of group choices alone, and the choices.

    The jobs of a sweep mostly share their files and differ in values, which are then set in a copy: reading and
    merging the files is nine tenths of the time that composing takes.
    """
    composed = compose("config", [*search_path(), *overrides], return_hydra_config=True)
    choices = dict(composed.hydra.runtime.choices)
    with open_dict(composed):
        del composed["hydra"]
    return composed, choices


@until_it_grows
@cache
def completing_defaults() -> DictConfig:
    """What a run made before a key existed lacks: neutral values, techniques that are off, keys that decide nothing."""
    (default,) = compose_jobs(["technique=none"])
    return OmegaConf.create(_completing(dataclasses.asdict(default.config), Config, ""))


def _completing(values: dict[str, Any], schema: Any, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    kinds = node_types(schema)
    for field in dataclasses.fields(schema):
        name, neutral = field.name, field.metadata.get("neutral", NO_VALUE)
        if not affects_result(prefix + name) or prefix + name == "technique":
            found[name] = values[name]
        elif neutral is not NO_VALUE:
            found[name] = neutral
        elif kinds[name] is not None and isinstance(values[name], dict):
            found[name] = _completing(values[name], kinds[name], f"{prefix}{name}.")
    return found
