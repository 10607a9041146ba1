"""The small dense pair of the mode-collapse papers (unrolled GANs, arXiv 1611.02163), for points of few coordinates."""

from math import prod

from torch import nn

from improved_gan.layers.discriminator import Discriminator, MinibatchLayerFactory
from improved_gan.layers.generator import Generator, Normalisation
from improved_gan.layers.products import Linear
from improved_gan.nodes import ArchitectureConfig


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Generator:
    """z -> [dense, norm, tanh] twice -> dense, linear; all weights Glorot uniform."""
    units = config.generator_width
    hidden: list[nn.Module] = []
    for inputs in (config.latent_size, units):
        hidden += [_dense(inputs, units, bias=False), normalisation(units), nn.Tanh()]
    output = _dense(units, prod(config.image_shape))
    return Generator(config.latent_size, nn.Sequential(*hidden, output, nn.Unflatten(1, tuple(config.image_shape))))


def discriminator(
    config: ArchitectureConfig, outputs: int, minibatch_layer: MinibatchLayerFactory | None
) -> Discriminator:
    """Two dense layers with ReLU, whose second gives the features, and a dense head; all weights Glorot uniform."""
    width = config.width
    trunk = nn.Sequential(
        nn.Flatten(),
        *(_dense(prod(config.image_shape), width), nn.ReLU(inplace=True)),
        *(_dense(width, width), nn.ReLU(inplace=True)),
    )
    return Discriminator(trunk, width, lambda features: _dense(features, outputs), minibatch_layer)


def _dense(inputs: int, outputs: int, bias: bool = True) -> Linear:
    layer = Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
