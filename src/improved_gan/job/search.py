"""`job=search`: hyperparameters that are best by a metric, looked for by Optuna in runs like any other."""

import hashlib
import json
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from improved_gan.composing import Request, compose_jobs, run_name
from improved_gan.config import SearchConfig, UsageError
from improved_gan.files import atomic_write
from improved_gan.metrics.registry import METRICS
from improved_gan.run_folder import RunFolder
from improved_gan.search.cost import length_of
from improved_gan.search.seeds import Measured, NoValue, measured, over_seeds
from improved_gan.search.space import default_of, space_of, written
from improved_gan.search.worker import Worker
from improved_gan.training.termination import TrainingFailed

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

log = logging.getLogger("improved_gan")
NOT_OF_TRIALS = ("job", "search", "hydra", "hydra/launcher", "run", "images")
SHOWN = 5  # of the best trials, on stdout


def search(request: Request) -> Path:
    """Try settings until there are `search.trials`, print the best and return the study's folder.

    Raises `UsageError` before anything is created; `Stopped` on a signal, after the trial's checkpoint.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError("job=search: requires Optuna; pip install 'improved-gan[search]'") from None
    wanted = request.config.search
    assert wanted is not None
    overrides = [o for o in request.overrides if o.partition("=")[0].split(".")[0] not in NOT_OF_TRIALS]
    if "job=search" not in request.overrides:  # the experiment's own job
        overrides.append("job=train")
    space = space_of(request.config, overrides)
    direction = _direction(wanted.metric, wanted.direction)
    if wanted.metric == "test_error" and request.config.dataset.evaluate_on == "test":
        log.warning(
            "settings are chosen by the test split, so their error on it says little; to hold training images out: "
            "dataset.validation_images=300 dataset.evaluate_on=validation"
        )
    seeds = _seeds(wanted, overrides)
    folder = _folder(request, overrides, space, direction)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with Worker(folder) as worker:
        with worker.alone():
            study = optuna.create_study(
                study_name="search",
                storage=f"sqlite:///file:{quote(str(folder.path / 'study.db'))}?uri=true",
                direction=optuna.study.StudyDirection[{"minimize": "MINIMIZE", "maximize": "MAXIMIZE"}[direction]],
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=4)
                if wanted.pruning == "median"
                else optuna.pruners.NopPruner(),
            )
            if not study.trials:
                study.enqueue_trial(default_of(request.config, space))
        # Not the same random draws again after each interruption, nor in two processes.
        study.sampler = optuna.samplers.TPESampler(seed=request.config.seed + len(study.trials))
        while (trial := _next_trial(study, space, worker, wanted.trials)) is not None:
            _try(study, trial, wanted, overrides, seeds)
            with worker.alone():
                _write(folder, study, wanted, overrides)
        if wanted.confirm_seeds and len(ended(study)) >= wanted.trials and _best(study):
            confirmed = _confirm(study, wanted, overrides)
            with worker.alone():
                _write(folder, study, wanted, overrides, confirmed)
    _print(folder.summary())
    return folder.path


def _seeds(wanted: SearchConfig, overrides: list[str]) -> list[int | None]:
    if wanted.seeds is None:
        return [None]
    if any(text.startswith("seed=") for text in overrides):
        raise UsageError(f"search.seeds={wanted.seeds}: not supported with seed; remove one of them")
    seen = set(wanted.seeds) & set(wanted.confirm_seeds or [])
    if seen or not wanted.seeds:
        what = f"{min(seen)} is among search.seeds" if seen else "search.seeds is empty"
        raise UsageError(f"search.confirm_seeds={wanted.confirm_seeds}: {what}; confirm on seeds that chose nothing")
    if any(not 0 <= seed < 2**32 for seed in [*wanted.seeds, *(wanted.confirm_seeds or [])]):
        raise UsageError(f"search.seeds={wanted.seeds}: a seed must be at least 0 and below 2**32")
    return list(wanted.seeds)


def _direction(metric: str, asked: str | None) -> str:
    better = METRICS[metric].better
    if asked is None and better not in ("higher", "lower"):
        raise UsageError(f"search.direction=null: best of {metric} is {better}; set minimize or maximize")
    return asked or {"higher": "maximize", "lower": "minimize"}[better]


def _folder(request: Request, overrides: list[str], space: dict[str, "BaseDistribution"], direction: str) -> RunFolder:
    """Where the study lies: found again by whatever decides it but the number of trials."""
    assert request.config.search is not None
    wanted = request.config.search
    decisive = [compose_jobs(overrides)[0].digest, wanted.metric, direction, str(space)]
    if wanted.seeds is not None or wanted.pruning != "none":  # a study of before has neither
        decisive += [str(wanted.seeds), wanted.pruning]
    if wanted.average_from is not None or wanted.seconds is not None:  # likewise
        decisive += [str(wanted.average_from), str(wanted.seconds), str(wanted.step_milliseconds)]
    digest = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:8]
    parent = Path(request.config.output_root).absolute() / request.experiment / "search"
    found = sorted(parent.glob(f"*-{digest}"))
    return RunFolder(found[0] if found else parent / f"{run_name(tuple(overrides))}-{digest}")


def ended(study: "Study") -> list["FrozenTrial"]:
    """Trials with a value, or that failed with a reason; interrupted ones have neither, and do not count."""
    return [trial for trial in study.trials if trial.value is not None or "reason" in trial.user_attrs]


def _next_trial(study: "Study", space: dict[str, "BaseDistribution"], worker: Worker, trials: int) -> "Trial | None":
    """A trial for this process, those first that a process began and did not end; None once enough are under way."""
    from optuna.trial import TrialState

    with worker.alone():
        running = study.get_trials(states=[TrialState.RUNNING])
        for begun in running:
            if not worker.lives(begun.user_attrs.get("worker")):
                study.tell(begun.number, state=TrialState.FAIL)
                study.enqueue_trial(begun.params)
        under_way = sum(worker.lives(begun.user_attrs.get("worker")) for begun in running)
        if len(ended(study)) + under_way >= trials:
            return None
        trial = study.ask(space)
        trial.set_user_attr("worker", worker.name)
        log.info("trial %d of %d: %s", len(ended(study)) + under_way + 1, trials, " ".join(settings_of(trial.params)))
        return trial


def _try(
    study: "Study", trial: "Trial", wanted: SearchConfig, overrides: list[str], seeds: Sequence[int | None]
) -> None:
    """Run the trial's setting on each seed and tell the study the mean, or why there is none."""
    from optuna.trial import TrialState

    settings = _settings(wanted, overrides, trial.params)
    runs: list[Measured] = []
    try:
        for run in over_seeds(overrides, settings, seeds, wanted):
            runs.append(run)
            values = [each.value for each in runs]
            trial.set_user_attr("run", str(run.folder))
            trial.set_user_attr("values", values)
            trial.set_user_attr("beside", [each.beside for each in runs])
            trial.report(fmean(values), len(values))
            if len(values) == len(seeds) // 2 and trial.should_prune():  # half of its steps are made
                trial.set_user_attr(
                    "reason", f"pruned: worse than the median after {len(values)} of {len(seeds)} seeds"
                )
                study.tell(trial, state=TrialState.PRUNED)
                return
        study.tell(trial, fmean(each.value for each in runs))
    except NoValue as error:
        log.warning("%s", error)
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=TrialState.FAIL)


def _confirm(study: "Study", wanted: SearchConfig, overrides: list[str]) -> dict[str, Any]:
    """The best setting on `search.confirm_seeds`: a value each, null with its reason where a run has none."""
    settings, seeds = _settings(wanted, overrides, _best(study)[0].params), wanted.confirm_seeds or []
    log.info("confirming on seeds %s: %s", ", ".join(map(str, seeds)), " ".join(settings))
    runs: list[Measured | None] = []
    reasons: dict[str, str] = {}
    for seed in seeds:
        try:
            runs.append(measured(overrides, settings, seed, wanted))
        except NoValue as error:
            runs.append(None)
            reasons[str(seed)] = str(error)
    values = [run.value for run in runs if run is not None]
    return {
        "settings": settings,
        "seeds": seeds,
        "values": [run and run.value for run in runs],
        "beside": [run.beside if run else None for run in runs],
        "reasons": reasons,
        "mean": fmean(values) if values else None,
        "std": stdev(values) if len(values) > 1 else None,
    }


def _settings(wanted: SearchConfig, overrides: list[str], parameters: dict[str, Any]) -> list[str]:
    """A trial's parameters as overrides, with the length of its runs where they have a cost."""
    settings = settings_of(parameters)
    return settings + length_of(wanted, [*overrides, *settings])


def _best(study: "Study") -> list["FrozenTrial"]:
    """Complete trials, the best first."""
    from optuna.trial import TrialState

    sign = 1 if study.direction.name == "MINIMIZE" else -1
    return sorted(study.get_trials(states=[TrialState.COMPLETE]), key=lambda trial: sign * trial.values[0])


def settings_of(parameters: dict[str, Any]) -> list[str]:
    """A trial's parameters as overrides."""
    return [f"{key}={written(value)}" for key, value in parameters.items()]


def _write(
    folder: RunFolder,
    study: "Study",
    wanted: SearchConfig,
    overrides: list[str],
    confirmed: dict[str, Any] | None = None,
) -> None:
    """summary.json and trials.csv, as far as the study has come."""
    from optuna.trial import TrialState

    best, pruned = _best(study), study.get_trials(states=[TrialState.PRUNED])
    shown = [
        {
            "value": trial.value,
            "values": trial.user_attrs.get("values"),
            "settings": _settings(wanted, overrides, trial.params),
            "run": trial.user_attrs.get("run"),
        }
        for trial in best[:SHOWN]
    ]
    summary = {
        "metric": wanted.metric,
        "direction": study.direction.name.lower(),
        "trials": len(ended(study)),
        "pruned": len(pruned),
        "failed": len(ended(study)) - len(best) - len(pruned),
        "best": shown,
        "confirmed": confirmed,
        "overrides": overrides,
    }
    folder.write_summary(summary)
    with atomic_write(folder.path / "trials.csv") as file:
        file.write(study.trials_dataframe(multi_index=False).to_csv(index=False).encode())


def _print(summary: dict[str, Any]) -> None:
    """The best trials, and the command that trains the best one again."""
    pruned = f", {summary['pruned']} pruned" if summary["pruned"] else ""
    print(f"{summary['trials']} trials, {summary['failed']} failed{pruned}; {summary['direction']} {summary['metric']}")
    if not summary["best"]:
        raise TrainingFailed("no trial ended with a value")
    for trial in summary["best"]:
        print(f"{trial['value']:<10.6g} {' '.join(trial['settings'])}")
    if confirmed := summary.get("confirmed"):
        found = ", ".join("failed" if value is None else f"{value:.6g}" for value in confirmed["values"])
        print(f"the best one on seeds {', '.join(map(str, confirmed['seeds']))}: {found}")
    print("the best one: improved-gan " + shlex.join([*summary["overrides"], *summary["best"][0]["settings"]]))
