"""MNIST, permutation invariant (section 5.1, Table 1): the authors' dense pair, on images in [0, 1].

The paper speaks of five hidden layers in the generator too; the authors' code, followed here, has two.
"""

from itertools import pairwise
from math import prod

from improved_gan.architecture import Architecture, Layer, Normalisation
from improved_gan.nodes import ArchitectureConfig
from improved_gan.tensors import Module


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Module:
    """z -> [dense, norm, softplus] twice -> dense with weight norm, sigmoid; dense weights Glorot uniform."""
    from torch import nn

    from improved_gan.layers.generator import Generator
    from improved_gan.layers.products import Linear
    from improved_gan.layers.weight_norm import WeightNormLinear

    units = config.generator_width
    hidden: list[Module] = []
    for inputs in (config.latent_size, units):
        dense = Linear(inputs, units, bias=False)
        nn.init.xavier_uniform_(dense.weight)
        hidden += [dense, normalisation(units), nn.Softplus()]
    # The gain starts at 1 and is not set from data: the authors' code initialises nothing of this generator.
    output = WeightNormLinear(units, prod(config.image_shape), std=1.0, train_gain=True, init_std=None)
    nn.init.xavier_uniform_(output.direction)
    layers = nn.Sequential(*hidden, output, nn.Sigmoid(), nn.Unflatten(1, tuple(config.image_shape)))
    return Generator(config.latent_size, layers)


def discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None) -> Module:
    """Five dense layers with weight norm (w, w/2, and three of w/4) and ReLU, Gaussian noise before each and the last.

    The features are the third w/4 layer's activations, before their noise.
    """
    from torch import nn

    from improved_gan.layers.discriminator import Discriminator
    from improved_gan.layers.noise import GaussianNoise, NoisySequential

    width = config.width
    units = [prod(config.image_shape), width, *(max(1, width // part) for part in (2, 4, 4, 4))]
    trunk: list[Module] = [nn.Flatten()]
    for (inputs, count), std in zip(pairwise(units), (0.3, 0.5, 0.5, 0.5, 0.5), strict=True):
        trunk += [GaussianNoise(std), _dense(inputs, count), nn.ReLU(inplace=True)]

    def head(features: int) -> Module:
        return nn.Sequential(GaussianNoise(0.5), _dense(features, outputs, train_gain=True))

    return Discriminator(NoisySequential(*trunk, noisy=units[:-1]), units[-1], head, layer)


def _dense(inputs: int, outputs: int, train_gain: bool = False) -> Module:
    from improved_gan.layers.weight_norm import WeightNormLinear

    return WeightNormLinear(inputs, outputs, std=0.1, epsilon=0.0, train_gain=train_gain)


ARCHITECTURE = Architecture(generator=generator, discriminator=discriminator)
