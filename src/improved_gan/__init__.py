"""The training techniques of *Improved Techniques for Training GANs* (arXiv 1606.03498), as toggles."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from improved_gan.training.loading import TrainedRun


def load(run: Any, checkpoint: Any = "newest", device: str = "auto") -> "TrainedRun":
    """The trained pair of the run in folder `run`, with `.generator`, `.discriminator` and `.sample(n, seed)`."""
    from improved_gan.training.loading import load_run  # torch is heavy: only when needed

    return load_run(run, checkpoint, device)


def train(*overrides: str) -> "TrainedRun":
    """Do what `improved-gan OVERRIDES` does and return the finished run as `load` does; none is trained twice.

    `improved_gan.train("dataset=ring", "technique=none", "seed=2").sample(64)`. Raises `UsageError` for a wrong
    request, `TrainingFailed` where training cannot go on, and `Stopped` after a checkpoint on Ctrl-C.
    """
    from improved_gan.composing import compose_jobs
    from improved_gan.config import UsageError
    from improved_gan.dispatching import log_to_stderr

    (request,) = compose_jobs([override for override in overrides if override not in ("-m", "--multirun")])
    if len(request.overrides) < len(overrides):
        raise UsageError("-m: improved_gan.train makes one run; call it once for each")
    if request.config.job.name != "train" or request.config.sweep.dry_run:
        raise UsageError("improved_gan.train: trains a run; remove job=... and sweep.dry_run")
    from improved_gan.job.train import train as train_run  # torch is heavy: only when the request is right

    log_to_stderr()
    return load(train_run(request), device=request.config.device)
