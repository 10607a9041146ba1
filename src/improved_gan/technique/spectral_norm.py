"""Spectral norm, a later rival (Miyato et al. 2018, arXiv 1802.05957, equations 7 and 8).

The discriminator's weights are W / sigma(W). sigma is the largest singular value, followed by one power iteration each
time that the weights are used in training:

    v <- W' u / |W' u|,    u <- W v / |W v|,    sigma = u' W v

A convolution's W is (outputs, inputs x kernel x kernel). No gain is learned: each layer's slope is at most about 1.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from improved_gan.schema import UsageError
from improved_gan.technique import Technique
from improved_gan.tensors import Module


@dataclass
class Config:
    enabled: bool = MISSING


def check(config: Config, run: Any) -> None:
    """No bound on the weights themselves."""
    if "weight_clipping" in run.technique.enabled():
        raise UsageError(
            "technique.spectral_norm.enabled=true: undoes weight clipping, because W / sigma has no scale; set it to "
            "false, or technique.weight_clipping.enabled"
        )


def discriminator(config: Config, network: Module) -> Module:
    """The network with spectral norm in weight norm's stead."""
    from improved_gan.layers.weight_norm import without_weight_norm

    without_weight_norm(network)
    normalise_spectrally(network)
    return network


def normalise_spectrally(network: Module) -> None:
    """Divide the weights of every dense and convolutional layer in `network` by their spectral norms from now on."""
    from torch import nn
    from torch.nn.utils import parametrizations

    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d):
            parametrizations.spectral_norm(module)


TECHNIQUE = Technique(config=Config, check=check, discriminator=discriminator, wants_whole_steps=True)
