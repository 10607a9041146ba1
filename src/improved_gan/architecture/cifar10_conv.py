"""CIFAR-10 and SVHN (sections 5.2 and 5.3, Tables 2 and 3): the authors' convolutional pair, on 32x32 images.

The variants differ in `width` (SVHN with feature matching: 64), `input_regulariser` (dropout with feature matching,
noise with the minibatch layer) and pixel scale, all of them configuration. The paper gives SVHN CIFAR-10's widths.
"""

from functools import partial

from improved_gan.architecture import Architecture, Layer, Normalisation
from improved_gan.nodes import ArchitectureConfig
from improved_gan.tensors import Module


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Module:
    """z -> 4x4 of 4g -> 8x8 of 2g -> 16x16 of g, each with norm and ReLU -> 32x32 with weight norm, tanh."""
    from torch import nn

    from improved_gan.layers.generator import WEIGHT_STD, Generator, projection, upsampling
    from improved_gan.layers.weight_norm import WeightNormConvTranspose2d

    width = config.generator_width
    layers = nn.Sequential(
        projection(config.latent_size, 4 * width, 4, normalisation, config.first_normalisation),
        upsampling(4 * width, 2 * width, normalisation),
        upsampling(2 * width, width, normalisation),
        WeightNormConvTranspose2d(
            width,
            config.image_shape[0],
            5,
            stride=2,
            padding=2,
            output_padding=1,
            std=WEIGHT_STD,
            train_gain=True,
            init_std=0.1,
        ),
        nn.Tanh(),
    )
    return Generator(config.latent_size, layers)


def discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None) -> Module:
    """Nine weight-normalised convolutions of w and 2w with leaky ReLU, mean over space, [minibatch layer], dense.

    The features are the 2w means over space, dropout on.
    """
    from torch import nn

    from improved_gan.layers.discriminator import Discriminator
    from improved_gan.layers.noise import Dropout, input_regulariser

    narrow, wide = config.width, 2 * config.width
    trunk = nn.Sequential(
        input_regulariser(config.input_regulariser, 0.2),
        convolution(config.image_shape[0], narrow, 3, padding=1),
        convolution(narrow, narrow, 3, padding=1),
        convolution(narrow, narrow, 3, padding=1, stride=2),
        Dropout(0.5),
        convolution(narrow, wide, 3, padding=1),
        convolution(wide, wide, 3, padding=1),
        convolution(wide, wide, 3, padding=1, stride=2),
        Dropout(0.5),
        convolution(wide, wide, 3),
        convolution(wide, wide, 1),
        convolution(wide, wide, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )

    return Discriminator(trunk, wide, partial(logits, outputs=outputs), layer)


def convolution(inputs: int, outputs: int, kernel: int, padding: int = 0, stride: int = 1) -> Module:
    """Weight-normalised convolution (gain not trained) and leaky ReLU of slope 0.2."""
    from torch import nn

    from improved_gan.layers.generator import WEIGHT_STD
    from improved_gan.layers.weight_norm import WeightNormConv2d

    layer = WeightNormConv2d(inputs, outputs, kernel, padding=padding, stride=stride, std=WEIGHT_STD)
    return nn.Sequential(layer, nn.LeakyReLU(0.2, inplace=True))


def logits(features: int, outputs: int) -> Module:
    """The last layer: dense, weight-normalised with a trained gain, from features to logits."""
    from improved_gan.layers.generator import WEIGHT_STD
    from improved_gan.layers.weight_norm import WeightNormLinear

    return WeightNormLinear(features, outputs, std=WEIGHT_STD, train_gain=True, init_std=0.1)


ARCHITECTURE = Architecture(generator=generator, discriminator=discriminator, side=32)
