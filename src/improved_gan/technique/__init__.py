"""The five techniques of section 3, a file each; each file opens with its equation.

Where each sits in training: `training/step.py`. Toggles and hyperparameters: `conf/technique/none.yaml`.
"""

from improved_gan.technique.feature_matching import feature_matching_loss
from improved_gan.technique.historical_averaging import HistoricalAverage
from improved_gan.technique.label_smoothing import SmoothedTargets, smoothed_targets
from improved_gan.technique.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.technique.virtual_batch_norm import VirtualBatchNorm, VirtualBatchNormGenerator

__all__ = [
    "HistoricalAverage",
    "JointMinibatchDiscrimination",
    "MinibatchDiscrimination",
    "SmoothedTargets",
    "VirtualBatchNorm",
    "VirtualBatchNormGenerator",
    "feature_matching_loss",
    "smoothed_targets",
]
