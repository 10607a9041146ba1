"""What is measured of a run while it trains, beside its test error, and at its end.

Nothing here draws from the random state that training goes on with: a run is the same, measured or not.
"""

import dataclasses
import logging
from typing import Any

import numpy as np

from improved_gan import distributed
from improved_gan.config import MetricsConfig, UsageError
from improved_gan.dataset.prepared import PreparedSplit
from improved_gan.evaluation.classifier import check_classifier
from improved_gan.evaluation.eval_discriminator import eval_discriminator
from improved_gan.evaluation.evaluator import Evaluator
from improved_gan.evaluation.reference_set import cache_folder
from improved_gan.metrics.discriminator_metrics import FEW, mean_log_d
from improved_gan.metrics.inputs import EvalDiscriminator, ImageSet, MetricUnavailable, as_entry
from improved_gan.metrics.registry import METRICS
from improved_gan.training.loop import Measurements
from improved_gan.training.trainer import Trainer

log = logging.getLogger("improved_gan")
OF_MODES, COUNTED = (
    ("modes_captured", "modes_held", "high_quality_fraction", "mode_kl"),
    2500,
)  # samples, by the protocol
SEED = 1  # of the samples that are evaluated: job=evaluate's, not training's


def measurements(trainer: Trainer) -> Measurements:
    """What the loop of `trainer` is to log and to sum up; processes but the first help to draw the final samples."""
    if not distributed.leads():
        return Measurements(dict, lambda: final_scores(trainer))
    mode_histogram = ModeHistogram(trainer)
    return Measurements(lambda: overfitting(trainer) | mode_histogram(), lambda: final_scores(trainer))


def overfitting(trainer: Trainer) -> dict[str, float]:
    """E log D in nats of training reals and of held-out reals: they part when the discriminator memorises."""
    held_out = _held_out(trainer)
    discriminator = _discriminator(trainer)
    if held_out is None or discriminator is None or not discriminator.gives_probability:
        return {}
    return {
        "log_d_train": mean_log_d(discriminator, trainer.dataset.train.images),
        "log_d_held_out": mean_log_d(discriminator, held_out),
    }


def final_scores(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """The run's metrics but the test error, as summary.json holds them.

    Of as many samples as there are training images, at most `metrics.samples`. What is unavailable is left out with a
    line: a run does not fail over its metrics.
    """
    config, train = trainer.config, trainer.dataset.train
    metrics = [name for name in config.metrics.names if name != "test_error"]
    if not metrics or not trainer.pair.objective.trains_generator:
        return {}
    wanted = dataclasses.replace(config.metrics, names=metrics)
    count = min(config.metrics.samples, len(train.images))
    evaluator = _evaluator(wanted, trainer) if distributed.leads() else None
    if not distributed.by_first(lambda: bool(evaluator and evaluator.metrics)):
        return {}
    samples = _samples(trainer, count, shared=True)
    if evaluator is None:
        return {}
    try:
        result = evaluator.evaluate(samples, _discriminator(trainer))
    except UsageError as error:
        log.warning("not measured: %s", error)
        return {}
    for name, reason in result.missing.items():
        log.info("%s not measured: %s", name, reason)
    return {name: as_entry(score, samples) for name, score in result.scores.items()}


class ModeHistogram:
    """How samples spread over the modes as training goes on: of points always, of images where that is measured."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, metrics = trainer, trainer.config.metrics
        wanted = [name for name in OF_MODES if name in metrics.names]
        if trainer.config.dataset.holds_points and metrics.names:
            wanted = list(OF_MODES)
        wanted += [name for name in metrics.during if name not in wanted]
        if not trainer.pair.objective.trains_generator:
            wanted = []
        self.evaluator = _evaluator(dataclasses.replace(metrics, names=wanted), trainer)

    def __call__(self) -> dict[str, Any]:
        """Every name of `OF_MODES` and `metrics.during`, and `mode_counts`, the samples of each mode: of 2,500."""
        if not self.evaluator.metrics:
            return {}
        count = min(self.trainer.config.metrics.samples, COUNTED)
        scores = self.evaluator.evaluate(_samples(self.trainer, count)).scores
        counts = {"mode_counts": scores["modes_captured"].details["counts"]} if "modes_captured" in scores else {}
        return {name: score.value for name, score in scores.items()} | counts


def _evaluator(config: MetricsConfig, trainer: Trainer) -> Evaluator:
    evaluator = Evaluator(
        config, lambda: trainer.dataset, trainer.device, SEED, points=trainer.config.dataset.holds_points
    )
    if not evaluator.points:
        _leave_out_what_takes_minutes(evaluator, trainer)
    return evaluator


def _samples(trainer: Trainer, count: int, *, shared: bool = False) -> ImageSet:
    images, drawn = trainer.sampler.sample(count, SEED, shared=shared).numpy(), trainer.sampler.protocol(SEED)
    return ImageSet("samples", f"step {trainer.step} seed {SEED}", images, drawn=drawn)


def _leave_out_what_takes_minutes(evaluator: Evaluator, trainer: Trainer) -> None:
    """A classifier that is neither there nor trained in seconds is left to job=evaluate, unless it is asked for."""
    metrics = [name for name in evaluator.metrics if METRICS[name].network == "classifier"]
    try:
        if metrics:
            cheap = not trainer.config.metrics.train_classifier
            check_classifier(trainer.dataset, cache_folder(trainer.dataset), only_cheap=cheap)
    except MetricUnavailable as error:
        evaluator.metrics = [name for name in evaluator.metrics if name not in metrics]
        log.info("%s not measured: %s", ", ".join(metrics), error)


def _discriminator(trainer: Trainer) -> EvalDiscriminator | None:
    architecture = trainer.config.architecture
    return eval_discriminator(
        trainer.pair,
        offset=architecture.pixel_offset,
        scale=architecture.pixel_scale,
        batch_size=trainer.config.training.seen_together(),
        device=trainer.device,
    )


def _held_out(trainer: Trainer) -> np.ndarray | None:
    """Images that were not trained on: those that were set aside, else the test split's."""
    if len(trainer.validation):
        return trainer.dataset.train.images[trainer.validation[:FEW]]
    test: PreparedSplit | None = trainer.dataset.test
    return None if test is None else test.images
