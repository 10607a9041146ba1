"""One W&B run: started, fed and finished so that nothing which goes wrong in W&B can stop the training."""

import logging
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from improved_gan.nodes import TrackingConfig
from improved_gan.schema import UsageError
from improved_gan.tracking.mode import Mode, tracking_mode

logger = logging.getLogger("improved_gan")

INIT_SECONDS = 15.0  # what the server has to accept an online run; with `auto` it then becomes an offline one
FINISH_SECONDS = 120.0  # how long the end of an online run may wait for uploads; `wandb sync` sends what is left


class Tracker:
    """Where a run reports to: a W&B run, or nowhere when tracking is disabled or has failed.

    A failure is warned about once; every later call then does nothing.
    """

    def __init__(self, run: Any, run_id: str | None, restore: Callable[[], None] = lambda: None) -> None:
        self.run_id = run_id
        self._run = run  # a wandb.Run or None; naming the type would import wandb
        self._restore = restore

    def log(self, step: int, values: dict[str, Any]) -> None:
        """Logs the values at an explicit step; several calls at one step make one row, steps never go back."""
        self._attempt(lambda run: run.log(values, step=step))

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Logs a copy of the picture as it is now, in the row of that step."""

        def log(run: Any) -> None:
            import wandb

            run.log({name: wandb.Image(str(path))}, step=step)

        if self._exists(path):
            self._attempt(log)

    def log_checkpoint(self, path: Path, aliases: list[str]) -> None:
        """Logs a copy of the file as it is now, as the next version of the artifact `checkpoint-<run id>`."""

        def log(run: Any) -> None:
            import wandb

            artifact = wandb.Artifact(f"checkpoint-{self.run_id}", type="model")
            # mutable: the client stages a copy; skip_cache: it keeps no second one after an upload.
            artifact.add_file(str(path), name=path.name, policy="mutable", skip_cache=True)
            run.log_artifact(artifact, aliases=aliases)

        if self._exists(path):
            self._attempt(log)

    def summarise(self, values: dict[str, Any]) -> None:
        """Sets values of the run's summary; nested dicts are kept as such."""
        self._attempt(lambda run: run.summary.update(values))

    def finish(self, exit_code: int) -> None:
        """Ends the W&B run with the exit status of the run (0: finished); a second call does nothing."""
        self._attempt(lambda run: run.finish(exit_code=exit_code))
        if self._run is not None and not self._close():
            logger.warning("W&B's service had died: the last records of the run may be missing there")

    def _exists(self, path: Path) -> bool:
        if self._run is not None and not path.is_file():
            logger.warning("W&B does not get %s: there is no such file", path)
        return path.is_file()

    def _attempt(self, action: Callable[[Any], None]) -> None:
        if self._run is None:
            return
        try:
            action(self._run)
        # Whatever it is (a dead service, a full disk, a picture that cannot be read), the training is worth more.
        except Exception as error:
            logger.warning("W&B stopped working (%r); the run goes on without it", error)
            self._close()

    def _close(self) -> bool:
        """Lets go of the run and its service; false if the service had died."""
        self._run = None
        ended_well = _stop_service()
        self._restore()
        return ended_well


def start_tracking(
    config: TrackingConfig,
    *,
    folder: Path,
    name: str,
    tags: list[str],
    settings: dict[str, Any],
    run_id: str | None,
    group: str | None,
    job_type: str,
) -> Tracker:
    """Starts a W&B run under `folder/wandb`, or goes on with the one of the given id; `settings`: the resolved config.

    `config.group` goes before `group`. Raises `UsageError` only for `tracking.mode=online` that is unavailable.
    """
    mode = tracking_mode(config.mode)
    if mode == "disabled":
        return Tracker(None, run_id)
    identity = run_id or secrets.token_hex(4)
    while True:
        restore = _confine_client(folder)
        try:
            run = _start_run(
                mode,
                entity=config.entity,
                project=config.project,
                group=config.group or group,
                job_type=job_type,
                name=name,
                id=identity,
                tags=tags,
                config=settings,
                dir=str(folder),
                resume="allow",
            )
            return Tracker(run, run.id, restore)  # not always `identity`: a sweep of W&B's own numbers its runs
        except Exception as error:
            _stop_service()
            restore()
            if config.mode == "online":
                raise UsageError(f"tracking.mode=online: W&B did not start the run ({error})") from error
            if mode == "offline":
                logger.warning("W&B could not be started (%r); the run goes on without it", error)
                return Tracker(None, identity)
            logger.warning("W&B did not take the run (%s); it is tracked offline", error)
            mode = "offline"


def _start_run(mode: Mode, **arguments: Any) -> Any:
    """A new wandb.Run, never one that is already open in this process."""
    # The client's service takes over both to learn how the program ends; `finish` tells it.
    exit_function, except_hook = sys.exit, sys.excepthook
    try:
        import wandb

        client = wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            finish_timeout=FINISH_SECONDS,
            init_timeout=INIT_SECONDS,
            silent=True,
            symlink=False,
            x_disable_stats=True,
            x_transaction_log_flush_interval=1.0,  # seconds: what a killed service can lose
        )
        return wandb.init(mode=mode, reinit="create_new", settings=client, **arguments)
    finally:
        sys.exit, sys.excepthook = exit_function, except_hook


def _confine_client(folder: Path) -> Callable[[], None]:
    """Sets the environment in which wandb is silent and writes under `folder/wandb` alone; returns what undoes it."""
    within = (folder / "wandb").absolute()
    within.mkdir(parents=True, exist_ok=True)
    wanted = {
        "WANDB_CACHE_DIR": str(within / "cache"),
        "WANDB_DATA_DIR": str(within / "data"),  # artifacts wait here for their upload
        "WANDB_ERROR_REPORTING": "false",  # or the client looks up a name on the network when it is imported
        "WANDB_SILENT": "true",
    }
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)

    def restore() -> None:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value

    return restore


def _stop_service() -> bool:
    """Ends the client's service, so that the next run starts its own in its own folder; false if it had died."""
    if wandb := sys.modules.get("wandb"):
        try:
            wandb.teardown()
        except (Exception, SystemExit):  # it exits with the status of a service that was killed
            return False
    return True
