"""`job=search`: hyperparameters that are best by a measure, looked for by Optuna in runs like any other."""

import hashlib
import json
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from improved_gan.composing import Request, compose_jobs, run_name
from improved_gan.config import UsageError
from improved_gan.dispatching import dispatch
from improved_gan.metrics.registry import METRICS
from improved_gan.run_folder import RunFolder, atomic_write
from improved_gan.search.space import space_of, written
from improved_gan.search.trial_value import NotMeasured, value_of
from improved_gan.training.termination import Stopped, TrainingFailed

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

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
        raise UsageError("job=search: needs Optuna; pip install 'improved-gan[search]'") from None
    wanted = request.config.search
    assert wanted is not None
    overrides = [o for o in request.overrides if o.partition("=")[0].split(".")[0] not in NOT_OF_TRIALS]
    space = space_of(request.config, overrides)
    direction = _direction(wanted.measure, wanted.direction)
    if wanted.measure == "test_error" and request.config.dataset.evaluate_on == "test":
        log.warning(
            "settings are chosen by the test split, so their error on it says little; to hold training images out: "
            "dataset.validation_images=300 dataset.evaluate_on=validation"
        )
    folder = _folder(request, overrides, space, direction)
    folder.acquire()
    try:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            study_name="search",
            storage=f"sqlite:///file:{quote(str(folder.path / 'study.db'))}?uri=true",
            direction=optuna.study.StudyDirection.MINIMIZE
            if direction == "minimise"
            else optuna.study.StudyDirection.MAXIMIZE,
            load_if_exists=True,
        )
        # Not the same random draws again after each interruption.
        study.sampler = optuna.samplers.TPESampler(seed=request.config.seed + len(study.trials))
        _requeue(study)
        while len(ended(study)) < wanted.trials:
            _try_one(study, space, wanted.measure, overrides, wanted.trials)
            _write(folder, study, wanted.measure, overrides)
    finally:
        folder.release()
    _print(folder.summary())
    return folder.path


def _direction(measure: str, asked: str | None) -> str:
    better = METRICS[measure].better
    if asked is None and better not in ("higher", "lower"):
        raise UsageError(f"search.direction=null: best of {measure} is {better}; say minimise or maximise")
    return asked or {"higher": "maximise", "lower": "minimise"}[better]


def _folder(request: Request, overrides: list[str], space: dict[str, "BaseDistribution"], direction: str) -> RunFolder:
    """Where the study lies: found again by whatever decides it but the number of trials."""
    assert request.config.search is not None
    decisive = [compose_jobs(overrides)[0].digest, request.config.search.measure, direction, str(space)]
    digest = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:8]
    parent = Path(request.config.output_root).absolute() / request.experiment / "search"
    found = sorted(parent.glob(f"*-{digest}"))
    return RunFolder(found[0] if found else parent / f"{run_name(tuple(overrides))}-{digest}")


def ended(study: "Study") -> list["FrozenTrial"]:
    """Trials with a value, or that failed with a reason; interrupted ones have neither, and do not count."""
    return [trial for trial in study.trials if trial.value is not None or "reason" in trial.user_attrs]


def _requeue(study: "Study") -> None:
    """Trials that an earlier process began and did not end come first, so that their runs resume."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _try_one(
    study: "Study", space: dict[str, "BaseDistribution"], measure: str, overrides: list[str], trials: int
) -> None:
    from optuna.trial import TrialState

    trial = study.ask(space)
    settings = settings_of(trial.params)
    log.info("trial %d of %d: %s", len(ended(study)) + 1, trials, " ".join(settings))
    (run,) = compose_jobs([*overrides, *settings])
    outcome = dispatch(run)
    if outcome.status >= 128:
        raise Stopped(outcome.status - 128)
    reason = outcome.reason
    if outcome.folder is not None:
        trial.set_user_attr("run", str(outcome.folder))
        try:
            study.tell(trial, value_of(outcome.folder, measure, overrides))
            return
        except NotMeasured as error:
            reason = str(error)
            log.warning("%s", reason)
    trial.set_user_attr("reason", reason)
    study.tell(trial, state=TrialState.FAIL)


def settings_of(parameters: dict[str, Any]) -> list[str]:
    """A trial's parameters as overrides."""
    return [f"{key}={written(value)}" for key, value in parameters.items()]


def _write(folder: RunFolder, study: "Study", measure: str, overrides: list[str]) -> None:
    """summary.json and trials.csv, as far as the study has come."""
    from optuna.trial import TrialState

    complete = study.get_trials(states=[TrialState.COMPLETE])
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    best = sorted(complete, key=lambda trial: sign * trial.values[0])[:SHOWN]
    summary = {
        "measure": measure,
        "direction": study.direction.name.lower(),
        "trials": len(ended(study)),
        "failed": len(ended(study)) - len(complete),
        "best": [{"value": t.value, "settings": settings_of(t.params), "run": t.user_attrs.get("run")} for t in best],
        "overrides": overrides,
    }
    folder.write_summary(summary)
    with atomic_write(folder.path / "trials.csv") as file:
        file.write(study.trials_dataframe(multi_index=False).to_csv(index=False).encode())


def _print(summary: dict[str, Any]) -> None:
    """The best trials, and the command that trains the best one again."""
    print(f"{summary['trials']} trials, {summary['failed']} failed; {summary['direction']} {summary['measure']}")
    if not summary["best"]:
        raise TrainingFailed("no trial ended with a value")
    for trial in summary["best"]:
        print(f"{trial['value']:<10.6g} {' '.join(trial['settings'])}")
    print("the best one: improved-gan " + shlex.join([*summary["overrides"], *summary["best"][0]["settings"]]))
