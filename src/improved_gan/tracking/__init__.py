"""Weights & Biases: where a run's numbers, pictures and checkpoints go besides its folder.

Importing this package imports neither wandb nor torch; wandb comes with the first run that is tracked.
"""

from improved_gan.tracking.mode import tracking_mode
from improved_gan.tracking.tracker import Tracker, start_tracking

__all__ = ["Tracker", "start_tracking", "tracking_mode"]
