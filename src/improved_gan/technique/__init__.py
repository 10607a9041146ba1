"""The five techniques of section 3 and their later rivals, a file each; each file opens with its equation.

Where each sits in training: `training/step.py`. Toggles and hyperparameters: `conf/technique/none.yaml`.
"""

from improved_gan.technique.feature_matching import feature_matching_loss
from improved_gan.technique.historical_averaging import HistoricalAverage
from improved_gan.technique.label_smoothing import SmoothedTargets, smoothed_targets
from improved_gan.technique.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.technique.minibatch_stddev import MinibatchStddev
from improved_gan.technique.packing import pack
from improved_gan.technique.r1 import r1_penalty
from improved_gan.technique.r2 import r2_penalty
from improved_gan.technique.spectral_norm import normalise_spectrally
from improved_gan.technique.unrolling import unrolled_parameters, with_parameters
from improved_gan.technique.virtual_batch_norm import VirtualBatchNorm, VirtualBatchNormGenerator

__all__ = [
    "HistoricalAverage",
    "JointMinibatchDiscrimination",
    "MinibatchDiscrimination",
    "MinibatchStddev",
    "SmoothedTargets",
    "VirtualBatchNorm",
    "VirtualBatchNormGenerator",
    "feature_matching_loss",
    "normalise_spectrally",
    "pack",
    "r1_penalty",
    "r2_penalty",
    "smoothed_targets",
    "unrolled_parameters",
    "with_parameters",
]
