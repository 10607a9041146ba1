"""The training loop: step, log, measure, draw, save, until the end, a signal, or a loss that is no number any more."""

import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from improved_gan import distributed
from improved_gan.files import atomic_write
from improved_gan.metrics.test_error import count_errors
from improved_gan.run_folder import RunFolder
from improved_gan.tracking import Tracker
from improved_gan.training.checkpoint import save_checkpoint, step_checkpoints, write_state
from improved_gan.training.diagnostics import Diagnostics
from improved_gan.training.sampling import save_grid
from improved_gan.training.step import Losses
from improved_gan.training.termination import SignalWatcher, Stopped, TrainingFailed
from improved_gan.training.trainer import GRID_COLUMNS, Trainer

log = logging.getLogger("improved_gan")
GRID_SEED, GRID_SIZE = 0, 64  # the same latents in every grid of every run
POINTS_DRAWN = 2500
SHOWN_IN_BAR = ("discriminator_loss", "generator_loss", "reconstruction_loss", "images_per_second")


@dataclass(frozen=True)
class Measurements:
    """What `evaluation/` makes of a run: scores to log now and then, and at its end those of summary.json."""

    during: Callable[[], dict[str, Any]]
    final: Callable[[], dict[str, dict[str, Any]]]


class Loop:
    """Drives `trainer` to its end and writes what happens to `folder` and `tracker`."""

    def __init__(self, trainer: Trainer, folder: RunFolder, tracker: Tracker, measurements: Measurements) -> None:
        self.trainer, self.folder, self.tracker, self.measurements = trainer, folder, tracker, measurements
        self.metrics: dict[str, dict[str, Any]] = {}
        self.best_error = math.inf
        self.diagnostics = Diagnostics(trainer)
        self._earlier_seconds = 0.0  # of training, in the sittings before this one
        self._started = self._logged_at = time.perf_counter()
        self._logged_step = trainer.step
        self._draw_samples = self._point_drawing() if trainer.config.dataset.holds_points else self._draw_grid
        metrics = trainer.config.metrics
        self._measure_interval = metrics.step_interval or metrics.epoch_interval * trainer.steps_per_epoch
        self._measures_error = (
            "test_error" in trainer.config.metrics.names
            and trainer.pair.objective.labelled_loss is not None
            and trainer.evaluation_split() is not None
        )

    @property
    def seconds(self) -> float:
        """Time spent in training, over all sittings."""
        return self._earlier_seconds + time.perf_counter() - self._started

    def run(self) -> None:
        """Train from where the trainer stands; raises `Stopped` on a signal and `TrainingFailed` on a NaN."""
        trainer = self.trainer
        self._started = self._logged_at = time.perf_counter()
        self._logged_step = trainer.step
        if trainer.step == 0:
            self._draw()
        bar = tqdm(
            total=trainer.total_steps,
            initial=trainer.step,
            unit="step",
            dynamic_ncols=True,
            mininterval=0.5,
            disable=not distributed.leads(),
        )
        with SignalWatcher() as interruption, bar:
            while trainer.step < trainer.total_steps:
                watched = self._logs(trainer.step + 1)
                with self.diagnostics.watching() if watched else nullcontext():
                    losses = trainer.advance(watched=watched)
                bar.update()
                # Once: a signal that comes while the step is reported ends the next one.
                signum = distributed.largest(interruption.signum or 0) or None
                values = self._report(losses, stopping=signum is not None)
                if values:
                    shown = {name: f"{values[name]:.3g}" for name in SHOWN_IN_BAR if name in values}
                    bar.set_postfix(shown, refresh=False)
                if signum is not None and trainer.step < trainer.total_steps:
                    raise Stopped(signum)
        if self._measures_error and distributed.leads():
            self._save_test_logits()

    def _logs(self, step: int) -> bool:
        """Whether losses and diagnostics of this step go into metrics.jsonl."""
        return step == self.trainer.total_steps or step % self.trainer.config.training.log_interval == 0

    def _report(self, losses: Losses, *, stopping: bool) -> dict[str, Any]:
        """Whatever is due after a step: log, measure, draw, save. Returns what was logged.

        Of several processes all find the losses, and whether they are numbers; the rest is the first one's.
        """
        trainer, training = self.trainer, self.trainer.config.training
        step, last = trainer.step, trainer.step == trainer.total_steps
        saving = last or stopping or step % training.checkpoint_interval == 0
        values: dict[str, Any] = {}
        if self._logs(step):
            values |= self._losses(losses)
        if not distributed.leads():
            if last:
                self.measurements.final()
            if saving:
                self._check_weights()
            return values
        measured: dict[str, Any] = {}
        if last or step % self._measure_interval == 0:
            measured |= self._measure() | self.measurements.during()
        if last:
            scores = self.measurements.final()
            self.metrics |= scores
            measured |= {name: score["value"] for name, score in scores.items()}
        if measured:
            log.debug("step %d: %s", step, ", ".join(f"{name} {value}" for name, value in measured.items()))
        values |= measured
        if last or step % training.sample_interval == 0:
            self._draw()
        if values:
            position = {"step": step, "epoch": round(step / trainer.steps_per_epoch, 4)}
            self.folder.append_metrics(position | values)
            self.tracker.log(step, position | values)
        if saving:
            self._check_weights()
            kept = save_checkpoint(self.state_dict(), self.folder.checkpoints, step)
            log.debug("step %d: checkpoint %s", step, kept.name)
        return values

    def _losses(self, losses: Losses) -> dict[str, float]:
        found = losses | self.diagnostics.values()
        means = distributed.mean_of_all(torch.stack(list(found.values())))
        values = dict(zip(found, means.tolist(), strict=True))  # one wait for a GPU
        for name, value in values.items():
            if not math.isfinite(value):
                self._fail(f"{name} became {value} by step {self.trainer.step}")
        now, training = time.perf_counter(), self.trainer.config.training
        images = (self.trainer.step - self._logged_step) * training.batch_size * training.discriminator_steps
        values |= {name: float(f"{value:.3g}") for name, value in values.items() if "/" in name}  # they are many
        values |= self.trainer.pair.balance.counts()
        values["images_per_second"] = round(images / (now - self._logged_at), 1)
        self._logged_at, self._logged_step = now, self.trainer.step
        return values

    def _check_weights(self) -> None:
        if not self.trainer.weights_are_finite():
            self._fail(f"a weight is no finite number any more by step {self.trainer.step}")

    def _fail(self, what: str) -> None:
        newest = step_checkpoints(self.folder.checkpoints)[:1]
        kept = f"the last good checkpoint is {newest[0]}" if newest else "there is no checkpoint yet"
        raise TrainingFailed(f"{what}; {kept}. A smaller training.learning_rate often helps")

    def _measure(self) -> dict[str, float]:
        """The test error, if there is one to measure; the best so far also goes to best.pt."""
        if not self._measures_error:
            return {}
        trainer = self.trainer
        logits, labels = trainer.class_logits()
        errors = count_errors(logits, labels)
        error = errors / len(labels)
        self.metrics["test_error"] = {
            "value": error,
            "errors": errors,
            "samples": len(labels),
            "split": trainer.config.dataset.evaluate_on,
            "weights": "averaged" if trainer.pair.discriminator_player.average else "current",
        }
        if error < self.best_error:
            self.best_error = error
            write_state(self.state_dict(), self.folder.checkpoints / "best.pt")
            log.debug("step %d: checkpoint best.pt", trainer.step)
        return {"test_error": error}

    def _draw(self) -> None:
        """A picture of the same latents every time."""
        if not self.trainer.pair.objective.trains_generator or not distributed.leads():
            return
        path = self.folder.samples / f"step_{self.trainer.step:06d}.png"
        self._draw_samples(path)
        self.tracker.log_image(self.trainer.step, "samples", path)
        reconstructions = self.trainer.reconstructions()
        if reconstructions is not None:
            path = self.folder.samples / f"reconstructions_{self.trainer.step:06d}.png"
            save_grid(reconstructions, path, GRID_COLUMNS)
            self.tracker.log_image(self.trainer.step, "reconstructions", path)

    def _draw_grid(self, path: Path) -> None:
        save_grid(self.trainer.sampler.sample(GRID_SIZE, GRID_SEED), path, GRID_COLUMNS)

    def _point_drawing(self) -> Callable[[Path], None]:
        from improved_gan.training.point_plot import PointPicture  # matplotlib is heavy: only when needed

        picture = PointPicture(self.trainer.dataset.train.images)
        return lambda path: picture.save(self.trainer.sampler.sample(POINTS_DRAWN, GRID_SEED), path)

    def _save_test_logits(self) -> None:
        """What the final averaged weights say of each evaluation image, for ensembles of runs."""
        logits, labels = self.trainer.class_logits()
        with atomic_write(self.folder.path / "test_logits.npz") as file:
            np.savez(file, logits=logits.cpu().numpy(), labels=labels.cpu().numpy())

    def upload_checkpoints(self) -> None:
        """Give the tracker the final checkpoint and, where something was measured, the best one."""
        best = self.folder.checkpoints / "best.pt"
        for path, alias in ((best, "best"), (step_checkpoints(self.folder.checkpoints)[0], "final")):
            if path.exists():
                self.tracker.log_checkpoint(path, [alias])

    def state_dict(self) -> dict[str, Any]:
        """All that decides how training goes on, and what has been measured so far."""
        return self.trainer.state_dict() | {
            "seconds": self.seconds,
            "metrics": self.metrics,
            "best_error": self.best_error,
            "tracking_run": self.tracker.run_id,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)
        self._earlier_seconds, self.metrics = state["seconds"], state["metrics"]
        self.best_error = state["best_error"]
