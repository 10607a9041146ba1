"""One job to do, from a composed config: capped by the budget, checked, named."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from improved_gan.architecture import check_architecture
from improved_gan.checks import check
from improved_gan.composing.fitting import check_shapes
from improved_gan.composing.identity import run_digest, run_name
from improved_gan.config import BudgetConfig, Config, SearchConfig
from improved_gan.remarks import collecting_remarks


@dataclass(frozen=True)
class Request:
    """One job to do: its checked config, its experiment, and the name and hash that its run folder carries."""

    config: Config
    experiment: str
    name: str
    digest: str
    overrides: tuple[str, ...]
    scaled: bool  # the budget made it smaller than its experiment asks
    remarks: tuple[str, ...] = ()  # what was to be said of its data when it was identified


def request_for(composed: DictConfig, choices: Mapping[Any, Any], overrides: tuple[str, ...]) -> Request:
    """The checked request that a composed config stands for, without its `hydra` node.

    Raises `UsageError` where the config fails a check.
    """
    config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    _make_absolute(config)
    scaled = _apply_budget(config)
    check(config)
    check_shapes(config, choices, overrides)
    if config.job.name == "train":
        check_architecture(config.architecture, config)
    config.training.precision = _resolved_precision(config)
    return Request(
        config=config,
        experiment=choices.get("experiment") or ("game" if config.job.name == "game" else "default"),
        name=run_name(overrides),
        digest=run_digest(config),
        overrides=overrides,
        scaled=scaled,
    )


def identified(request: Request, known: dict[str, tuple[str, tuple[str, ...]]] | None = None) -> Request:
    """`request` with a hash that holds the checksum of data given by a path, which is prepared if it never was.

    `known` remembers checksums from one job of a multirun to the next. Raises `UsageError` where the data is none.
    """
    config, known = request.config, {} if known is None else known
    if config.dataset.path is None or config.job.name != "train":
        return request
    from improved_gan.dataset import checksum_of

    key = f"{config.data_root} {config.dataset}"
    if key not in known:
        with collecting_remarks() as remarks:  # the job itself shows them, and its log.txt
            checksum = checksum_of(config.dataset, Path(config.data_root))
        known[key] = checksum, tuple(remarks)
    checksum, said = known[key]
    return dataclasses.replace(request, digest=run_digest(config, checksum), remarks=said)


def _make_absolute(config: Config) -> None:
    """A `~` that the shell has left alone means the home folder in every path; what a run stores is absolute."""
    nodes: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (config, ("output_root", "data_root", "run", "images")),
        (config.dataset, ("path",)),
        (config.metrics, ("inception_weights",)),
    )
    for node, names in nodes:
        for name in names:
            if path := getattr(node, name):  # an empty one is refused later
                path = os.path.expanduser(path)
                setattr(node, name, path if name in ("run", "images") else os.path.abspath(path))


def _resolved_precision(config: Config) -> str:
    """The precision that a run really uses: what `auto` stands for on its device, so that its hash tells the two."""
    if not config.auto_may_take_bf16():
        return "fp32" if config.training.precision == "auto" else config.training.precision
    from improved_gan.devices import choose_device, has_fast_bf16  # torch: only where it is asked

    return "bf16" if has_fast_bf16(choose_device(config.device)) else "fp32"


def _cut(search: SearchConfig, budget: BudgetConfig) -> None:
    """Cap a search's trials, their seeds and the cost of a run."""
    if budget.max_trials is not None:
        search.trials = min(search.trials, budget.max_trials)
    if budget.max_seeds is not None:
        search.seeds = search.seeds and search.seeds[: budget.max_seeds]
        search.confirm_seeds = search.confirm_seeds and search.confirm_seeds[: budget.max_seeds]
    if budget.max_seconds is not None and search.seconds is not None:
        search.seconds = min(search.seconds, budget.max_seconds)


def _apply_budget(config: Config) -> bool:
    """Cap steps, samples and width as the budget says; true if that changed anything."""
    budget, before = config.budget, dataclasses.asdict(config)
    if budget.max_steps is not None:
        config.training.steps = min(config.training.steps or budget.max_steps, budget.max_steps)
    if budget.name == "smoke":
        config.metrics.train_classifier = False  # takes minutes
    if budget.max_samples is not None:
        config.metrics.samples = min(config.metrics.samples, budget.max_samples)
        config.metrics.reference_samples = min(config.metrics.reference_samples, budget.max_samples)
    if budget.max_width is not None:
        config.architecture.width = min(config.architecture.width, budget.max_width)
        config.architecture.generator_width = min(config.architecture.generator_width, budget.max_width)
    if config.search is not None:
        _cut(config.search, budget)
    return dataclasses.asdict(config) != before
