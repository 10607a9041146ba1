"""Spectral norm, a later rival (Miyato et al. 2018, arXiv 1802.05957, equations 7 and 8).

The discriminator's weights are W / sigma(W). sigma is the largest singular value, followed by one power iteration each
time that the weights are used in training:

    v <- W' u / |W' u|,    u <- W v / |W v|,    sigma = u' W v

A convolution's W is (outputs, inputs x kernel x kernel). No gain is learned: each layer's slope is at most about 1.
"""

from torch import nn
from torch.nn.utils import parametrizations


def normalise_spectrally(network: nn.Module) -> None:
    """Divide the weights of every dense and convolutional layer in `network` by their spectral norms from now on."""
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d):
            parametrizations.spectral_norm(module)
