"""Minibatch standard deviation, a later rival (Karras et al. 2017, arXiv 1710.10196, section 3).

With features f(x_i) in R^A of a batch of N, every example gets one more feature, the same for all:

    s = 1/A sum_a sqrt(1/N sum_i (f(x_i)_a - mean_a)^2 + 1e-8)

It stands where minibatch discrimination would, has no parameters, and tells the discriminator how much a batch
varies. The layer: `layers/minibatch_stddev.py`.
"""

from dataclasses import dataclass

from omegaconf import MISSING

from improved_gan.technique import Technique
from improved_gan.tensors import Module


@dataclass
class Config:
    enabled: bool = MISSING


def discriminator_layer(config: Config, features: int) -> Module:
    """The layer for that many features."""
    from improved_gan.layers.minibatch_stddev import MinibatchStddev

    return MinibatchStddev(features)


TECHNIQUE = Technique(config=Config, discriminator_layer=discriminator_layer, couples_batch=True)
