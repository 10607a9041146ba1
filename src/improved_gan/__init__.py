"""The training techniques of *Improved Techniques for Training GANs* (arXiv 1606.03498), as toggles."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from improved_gan.training.loading import TrainedRun


def load(run: Any, checkpoint: Any = "newest", device: str = "auto") -> "TrainedRun":
    """The trained pair of the run in folder `run`, with `.generator`, `.discriminator` and `.sample(n, seed)`."""
    from improved_gan.training.loading import load_run  # torch is heavy: only when needed

    return load_run(run, checkpoint, device)
