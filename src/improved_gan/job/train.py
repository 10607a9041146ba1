"""`job=train`: one run, from its config to its folder. The same request again resumes it, or finds it finished."""

import dataclasses
import importlib.metadata
import logging
import platform
import shlex
import signal
import subprocess
import time
import traceback
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any

import torch

from improved_gan import dataset, distributed
from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.devices import choose_device
from improved_gan.evaluation.during_training import measurements
from improved_gan.evaluation.real_data import judge_real_data
from improved_gan.metrics.inception_weights import read_weights
from improved_gan.metrics.registry import METRICS
from improved_gan.run_data import refuse_other_data
from improved_gan.run_folder import RunFolder
from improved_gan.tracking import Tracker, start_tracking, tracking_mode
from improved_gan.training.checkpoint import load_newest
from improved_gan.training.costs import flops_of_step, images_per_second, peak_memory
from improved_gan.training.device import fast_training
from improved_gan.training.diagnosis import diagnose
from improved_gan.training.loop import Loop
from improved_gan.training.termination import Stopped, TrainingFailed
from improved_gan.training.trainer import Trainer

log = logging.getLogger("improved_gan")


@fast_training()
def train(request: Request) -> Path:
    """Train the run that `request` asks for and return its folder.

    Raises `UsageError` before anything is created if it cannot be done; `Stopped` after a checkpoint on a signal.
    Of several processes the first writes and speaks, the others follow.
    """
    # What is said before there is a log.txt to say it in.
    early = MemoryHandler(1000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    log.addHandler(early)
    try:
        with distributed.started(choose_device(request.config.device)):
            return _train_or_find(request, early)
    finally:
        log.removeHandler(early)


def _train_or_find(request: Request, early: MemoryHandler) -> Path:
    folder, config = RunFolder.of(request), request.config
    if not distributed.leads():
        log.setLevel(logging.WARNING)
    log.debug("improved-gan %s", shlex.join(request.overrides))
    if distributed.by_first(lambda: folder.summary().get("status") == "finished"):
        if not distributed.leads():
            return folder.path
        refuse_other_data(folder.path, dataset.checksum_at_hand(config.dataset, Path(config.data_root)))
        log.info("already finished; nothing to do")
        print_results(folder)
        return folder.path
    prepared = dataset.load(config.dataset, Path(config.data_root))
    refuse_other_data(folder.path, prepared.checksum)
    said = {record.getMessage() for record in early.buffer}
    for remark in request.remarks:
        if remark not in said:
            log.warning("%s", remark)
    config.dataset.classes = prepared.classes  # as found in the files, for whoever reads the run's config
    if config.metrics.judged == "training_images":
        if distributed.processes() > 1:
            raise UsageError("metrics.judged=training_images: takes one process; start it without torchrun")
        _judge_real_data(request, prepared, folder)
        return folder.path
    trainer = Trainer(config, prepared)
    if config.tracking.mode == "online":
        tracking_mode("online")  # raises where W&B is unavailable
    weights = config.metrics.inception_weights
    if weights is not None and any(METRICS[name].network == "inception" for name in config.metrics.names):
        read_weights(Path(weights))  # raises where they are not Inception's, not hours later
    distributed.by_first(folder.acquire)
    if not distributed.leads():
        _follow(trainer, folder)
        return folder.path
    try:
        _train(request, trainer, folder, early)
    finally:
        folder.release()
    print_results(folder)
    return folder.path


def _judge_real_data(request: Request, prepared: dataset.PreparedDataset, folder: RunFolder) -> None:
    folder.acquire()
    try:
        summary = judge_real_data(request, prepared, folder)
        made_with = environment(choose_device(request.config.device))
        folder.write_summary(summary | {"environment": made_with | {"precision": request.config.training.precision}})
    finally:
        folder.release()
    print_results(folder)


def _train(request: Request, trainer: Trainer, folder: RunFolder, early: MemoryHandler) -> None:
    config = request.config
    if not (folder.path / "config.yaml").exists():
        folder.write_config(config)
    file_handler = logging.FileHandler(folder.path / "log.txt", encoding="utf-8", errors="backslashreplace")
    file_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    early.setTarget(file_handler)
    early.flush()
    log.removeHandler(early)
    log.addHandler(file_handler)
    log.debug("%s", ", ".join(f"{name} {value}" for name, value in environment(trainer.device).items()))
    log.debug("data: %s, checksum %s", trainer.dataset.name, trainer.dataset.checksum)
    tracker: Tracker | None = None
    loop: Loop | None = None
    before = folder.summary()
    started, exit_code = time.strftime("%Y-%m-%dT%H:%M:%S%z"), 1
    begun, ended = not before, False

    def summarise(status: str, broke: str | None = None, **more: Any) -> dict[str, Any]:
        summary = {
            "status": status,
            "step": trainer.step,
            "total_steps": trainer.total_steps,
            "seed": config.seed,
            "experiment": request.experiment,
            "scaled": request.scaled,
            "budget": config.budget.name,
            "overrides": list(request.overrides),
            "dataset": {"name": trainer.dataset.name, "checksum": trainer.dataset.checksum},
            "metrics": loop.metrics if loop else {},
            "diagnosis": None if status == "running" else diagnose(folder.metrics(), broke),
            "timing": {"started": started, "seconds": round(loop.seconds, 2) if loop else 0.0},
            "costs": costs(trainer, folder) if status == "finished" else None,
            "tracking_run": tracker.run_id if tracker else before.get("tracking_run"),
            "environment": environment(trainer.device) | {"precision": config.training.precision},
            **more,
        }
        try:
            folder.write_summary(summary)
        except OSError:
            if status == "finished":  # the results are worth more than the file
                print(results_table(summary))
            raise
        if tracker is not None and status != "running":
            tracker.summarise(summary)
        return summary

    try:
        state = _newest_state(trainer, folder)
        tracker = start_tracking(
            config.tracking,
            folder=folder.path,
            name=folder.path.name,
            tags=config.technique.enabled(),
            settings=dataclasses.asdict(config),
            run_id=(state or {}).get("tracking_run") or before.get("tracking_run"),
            group=request.experiment,
            job_type=config.job.name,
        )
        loop = Loop(trainer, folder, tracker, measurements(trainer))
        if state is None:
            trainer.initialise()
        else:
            loop.load_state_dict(state)
            log.info("resuming at step %d of %d", trainer.step, trainer.total_steps)
        folder.rewind_metrics(trainer.step)
        begun = True
        summarise("running")
        loop.run()
        summary = summarise("finished")
        ended = True
        log.debug("the end:\n%s", results_table(summary))
        loop.upload_checkpoints()
        exit_code = 0
    except (Stopped, KeyboardInterrupt) as stop:  # the latter: outside the loop
        exit_code = 128 + (stop.signum if isinstance(stop, Stopped) else signal.SIGINT)
        reason = str(stop) or "stopped by SIGINT"
        log.debug("%s at step %d", reason, trainer.step)
        if begun and not ended:
            summarise("stopped", reason=reason)
        elif not ended:  # an earlier sitting's summary says more of the run
            folder.write_summary(before | {"status": "stopped", "reason": reason})
        raise
    except BaseException as error:
        log.debug("%s", traceback.format_exc())
        broke = str(error) if isinstance(error, TrainingFailed) else None
        summarise("failed", broke, reason=str(error) or type(error).__name__)
        raise
    finally:
        if tracker is not None:
            tracker.finish(exit_code)
        log.removeHandler(file_handler)
        file_handler.close()


def _follow(trainer: Trainer, folder: RunFolder) -> None:
    """Train beside the first process, which does all the rest."""
    state = _newest_state(trainer, folder)
    loop = Loop(trainer, folder, Tracker(None, None), measurements(trainer))
    if state is None:
        trainer.initialise()
    else:
        loop.load_state_dict(state)
    loop.run()


def _newest_state(trainer: Trainer, folder: RunFolder) -> dict[str, Any] | None:
    """What the first process finds in the newest checkpoint that can be read."""
    where = trainer.device if distributed.processes() == 1 else torch.device("cpu")
    return distributed.by_first(lambda: load_newest(folder.checkpoints, where))


def costs(trainer: Trainer, folder: RunFolder) -> dict[str, Any]:
    """What the run took of the machine: operations of a step, its pace, and the most memory of the last sitting."""
    return {
        "flops_per_step": flops_of_step(trainer.config, trainer.dataset.classes),
        "images_per_second": images_per_second(folder.metrics()),
        "peak_memory_bytes": peak_memory(trainer.device),
    }


def environment(device: torch.device) -> dict[str, Any]:
    """What the run was made with: package versions, git commit, device, threads."""
    packages = ("improved-gan", "torch", "torchvision", "numpy", "hydra-core", "wandb")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
        "git_commit": _git_commit(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
    }


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def print_results(folder: RunFolder) -> None:
    """A short table of what was measured, on stdout."""
    print(results_table(folder.summary()))


def results_table(summary: dict[str, Any]) -> str:
    """What a run's `summary` says, a line for each metric."""
    rows = [("status", summary["status"]), ("step", f"{summary['step']} of {summary['total_steps']}")]
    for name, metric in summary["metrics"].items():
        rows.append((name, f"{metric['value']:.4f}  ({_circumstances(metric)})"))
    if summary.get("diagnosis"):
        rows.append(("diagnosis", "{label}: {message}".format_map(summary["diagnosis"])))
    rows.append(("seconds", f"{summary['timing']['seconds']:.0f}"))
    if summary["scaled"]:
        rows.append(("scaled by", f"budget={summary['budget']}"))
    width = max(12, *(len(name) for name, _ in rows))
    return "\n".join(f"{name:<{width}} {value}" for name, value in rows)


def _circumstances(metric: dict[str, Any]) -> str:
    """What a measured value must not be read without."""
    if "errors" in metric:
        return f"{metric['errors']} of {metric['samples']}, {metric['split']}"
    compared = f"against {metric['reference_samples']} of {metric['split']}" if "reference_samples" in metric else ""
    words = [f"{metric['samples']} samples", compared, metric.get("features"), metric.get("warning")]
    return ", ".join(filter(None, words))
