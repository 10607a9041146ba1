"""The small dense pair of the mode-collapse papers (unrolled GANs, arXiv 1611.02163), for points of few coordinates."""

from math import prod

from improved_gan.architecture import Architecture, Layer, Normalisation
from improved_gan.nodes import ArchitectureConfig
from improved_gan.tensors import Module


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Module:
    """z -> [dense, norm, tanh] twice -> dense, linear; all weights Glorot uniform."""
    from torch import nn

    from improved_gan.layers.generator import Generator

    units = config.generator_width
    hidden: list[Module] = []
    for inputs in (config.latent_size, units):
        hidden += [_dense(inputs, units, bias=False), normalisation(units), nn.Tanh()]
    output = _dense(units, prod(config.image_shape))
    return Generator(config.latent_size, nn.Sequential(*hidden, output, nn.Unflatten(1, tuple(config.image_shape))))


def discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None) -> Module:
    """Two dense layers with ReLU, whose second gives the features, and a dense head; all weights Glorot uniform."""
    from torch import nn

    from improved_gan.layers.discriminator import Discriminator

    width = config.width
    trunk = nn.Sequential(
        nn.Flatten(),
        *(_dense(prod(config.image_shape), width), nn.ReLU(inplace=True)),
        *(_dense(width, width), nn.ReLU(inplace=True)),
    )
    return Discriminator(trunk, width, lambda features: _dense(features, outputs), layer)


def _dense(inputs: int, outputs: int, bias: bool = True) -> Module:
    from torch import nn

    from improved_gan.layers.products import Linear

    layer = Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


ARCHITECTURE = Architecture(generator=generator, discriminator=discriminator)
