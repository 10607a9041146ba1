"""A run with `metrics.judged=training_images`: nothing is trained, and the training images stand for samples."""

import logging
import time
from typing import Any

import torch

from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.devices import choose_device
from improved_gan.evaluation.during_training import SEED
from improved_gan.evaluation.evaluator import Evaluator
from improved_gan.evaluation.reference_set import real_images
from improved_gan.metrics.inputs import as_entry
from improved_gan.metrics.registry import METRICS
from improved_gan.run_folder import RunFolder
from improved_gan.training.device import DEFAULT_THREADS

log = logging.getLogger("improved_gan")


def judge_real_data(request: Request, prepared: PreparedDataset, folder: RunFolder) -> dict[str, Any]:
    """Write the run's config and a summary with the scores of its first `metrics.samples` training images.

    Raises `UsageError` for a metric that asks a discriminator, or that compares with the training images themselves.
    """
    config, started, clock = request.config, time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.perf_counter()
    for name in config.metrics.names:
        if METRICS[name].discriminator:
            raise UsageError(f"metrics.names={name}: requires a discriminator, which real data has not")
        if METRICS[name].reference and config.metrics.reference_split == "train":
            raise UsageError(f"metrics.names={name}: compares with these very images; metrics.reference_split=test")
    device = choose_device(config.device)
    torch.set_num_threads(config.training.threads or DEFAULT_THREADS)
    samples = real_images(prepared, "train", config.metrics.samples)
    assert samples is not None
    folder.write_config(config)
    evaluator = Evaluator(config.metrics, lambda: prepared, device, SEED, points=config.dataset.holds_points)
    found = evaluator.evaluate(samples)
    for name, reason in found.missing.items():
        log.info("%s not measured: %s", name, reason)
    return {
        "status": "finished",
        "step": 0,
        "total_steps": 0,
        "seed": config.seed,
        "experiment": request.experiment,
        "scaled": request.scaled,
        "budget": config.budget.name,
        "overrides": list(request.overrides),
        "dataset": {"name": prepared.name, "checksum": prepared.checksum},
        "metrics": {name: as_entry(score, samples) for name, score in found.scores.items()},
        "diagnosis": None,
        "timing": {"started": started, "seconds": round(time.perf_counter() - clock, 2)},
    }
