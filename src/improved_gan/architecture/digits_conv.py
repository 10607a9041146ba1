"""Ours: a small pair with the paper's parts for scikit-learn's 8x8 digits, on images in [0, 1]."""

from functools import partial

from improved_gan.architecture import Architecture, Layer, Normalisation
from improved_gan.architecture.cifar10_conv import convolution, logits
from improved_gan.nodes import ArchitectureConfig
from improved_gan.tensors import Module


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Module:
    """z -> 4x4 of 2g -> 8x8 of g, each with norm and ReLU -> 8x8 by 3x3 kernels with weight norm, sigmoid."""
    from torch import nn

    from improved_gan.layers.generator import WEIGHT_STD, Generator, projection, upsampling
    from improved_gan.layers.products import FullPrecision
    from improved_gan.layers.weight_norm import WeightNormConvTranspose2d

    width = config.generator_width
    layers = nn.Sequential(
        projection(config.latent_size, 2 * width, 4, normalisation, config.first_normalisation),
        upsampling(2 * width, width, normalisation),
        WeightNormConvTranspose2d(
            width,
            config.image_shape[0],
            3,
            padding=1,
            std=WEIGHT_STD,
            train_gain=True,
            init_std=1.0,
        ),
        FullPrecision(),
        nn.Sigmoid(),
    )
    return Generator(config.latent_size, layers)


def discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None) -> Module:
    """CIFAR-10's discriminator with fewer layers: 8x8 of w -> 4x4 of 2w, dropout -> 2x2 of 2w, 1x1 2w, mean over space.

    The features are the 2w means over space, dropout on.
    """
    from torch import nn

    from improved_gan.layers.discriminator import Discriminator
    from improved_gan.layers.noise import Dropout, input_regulariser
    from improved_gan.layers.products import FullPrecision

    narrow, wide = config.width, 2 * config.width
    trunk = nn.Sequential(
        input_regulariser(config.input_regulariser, 0.2),
        convolution(config.image_shape[0], narrow, 3, padding=1),
        convolution(narrow, wide, 3, padding=1, stride=2),
        Dropout(0.5),
        convolution(wide, wide, 3),
        convolution(wide, wide, 1),
        FullPrecision(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )

    return Discriminator(trunk, wide, partial(logits, outputs=outputs), layer)


ARCHITECTURE = Architecture(generator=generator, discriminator=discriminator, side=8)
