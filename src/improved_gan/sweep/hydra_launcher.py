"""Hydra's launcher plugins (joblib, submitit_local, submitit_slurm), handed jobs that are composed and checked."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from improved_gan.composing import conf_folder, register_schema
from improved_gan.composing.hydra_internals import Callbacks
from improved_gan.plugins import python_path, search_path


def launcher_name(overrides: Sequence[str]) -> str:
    """What `hydra/launcher` is set to; `basic`, which is in this process and one by one, unless it is set."""
    chosen = [text.partition("=")[2] for text in overrides if text.startswith("hydra/launcher=")]
    return chosen[-1] if chosen else "basic"


@contextlib.contextmanager
def _main_config(overrides: Sequence[str]) -> Iterator[DictConfig]:
    """The composed config with its `hydra` node, while Hydra knows where the config tree is."""
    register_schema()
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3", job_name="improved-gan"):
        yield compose("config", [*search_path(), *overrides], return_hydra_config=True)


@contextlib.contextmanager
def launcher(overrides: Sequence[str], task: Callable[[DictConfig], Any]) -> Iterator[Launcher]:
    """The launcher that `overrides` choose, ready to do `task` with each job's config in another process."""
    with _main_config(overrides) as config:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        with _importable_elsewhere():
            yield Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)


@contextlib.contextmanager
def _importable_elsewhere() -> Iterator[None]:
    """Inside the `with`, processes that are started can import the plugins of one file, as pickled configs want."""
    before = os.environ.get("PYTHONPATH")
    if folders := python_path():
        os.environ["PYTHONPATH"] = os.pathsep.join([*([before] if before else []), *folders])
    try:
        yield
    finally:
        if folders:
            os.environ.pop("PYTHONPATH")
            os.environ.update({"PYTHONPATH": before} if before else {})


def at_once(overrides: Sequence[str]) -> int:
    """How many jobs the launcher does at the same time, at most."""
    if launcher_name(overrides) == "basic":
        return 1
    with _main_config(overrides) as config:
        settings = config.hydra.launcher
        jobs = settings.get("n_jobs") or settings.get("array_parallelism") or 256
    cores = os.cpu_count() or 1
    return int(jobs) if jobs > 0 else max(1, cores + 1 + int(jobs))  # as joblib counts: -1 is all, -2 all but one
