"""Generator and discriminator pairs, one file a published pair.

What couples them to the techniques (the generator's normalisation, the discriminator's minibatch layer) is handed in.
"""

from types import ModuleType
from typing import Any

from improved_gan import registry
from improved_gan.architecture import cifar10_conv, digits_conv, imagenet_dcgan, mnist_mlp, toy_mlp
from improved_gan.architecture.autoencoder import AutoencodingDiscriminator
from improved_gan.architecture.batch_norm import BatchNorm, ScaleShift
from improved_gan.architecture.discriminator import Discriminator, MinibatchLayerFactory
from improved_gan.architecture.generator import Generator, Normalisation
from improved_gan.architecture.weight_norm import data_dependent_initialisation
from improved_gan.config import ArchitectureConfig, UsageError
from improved_gan.tensors import Outputs

__all__ = [
    "AutoencodingDiscriminator",
    "BatchNorm",
    "Discriminator",
    "Generator",
    "MinibatchLayerFactory",
    "Normalisation",
    "Outputs",
    "ScaleShift",
    "build_discriminator",
    "build_generator",
    "data_dependent_initialisation",
]

PAIRS: dict[str, ModuleType] = {
    "digits_conv": digits_conv,
    "mnist_mlp": mnist_mlp,
    "cifar10_conv": cifar10_conv,
    "svhn_conv": cifar10_conv,
    "imagenet_dcgan": imagenet_dcgan,
    "toy_mlp": toy_mlp,
}

SIDES = {"digits_conv": 8, "cifar10_conv": 32, "svhn_conv": 32, "imagenet_dcgan": 128}
"""Height and width, in pixels, that a convolutional pair is made for; the dense pairs take any."""


def build_generator(config: ArchitectureConfig, normalisation: Normalisation = BatchNorm) -> Generator:
    """The generator that the config names, normalised by `normalisation`; UsageError for a shape it cannot have."""
    _check(config)
    generator: Generator = _pair(config.name).generator(config, normalisation)
    return generator


def build_discriminator(
    config: ArchitectureConfig, outputs: int, minibatch_layer: MinibatchLayerFactory | None = None
) -> Discriminator:
    """The discriminator that the config names, with that many logits; UsageError for a shape it cannot have."""
    _check(config)
    discriminator: Discriminator = _pair(config.name).discriminator(config, outputs, minibatch_layer)
    return discriminator


def _pair(name: str) -> Any:
    """The functions `generator` and `discriminator` of a pair of ours, or of one from outside."""
    return PAIRS[name] if name in PAIRS else registry.records("architecture")[name]


def _check(config: ArchitectureConfig) -> None:
    """What the schema cannot know: which sizes the named pair can have."""
    side = SIDES.get(config.name)
    if side is not None and list(config.image_shape[1:]) != [side, side]:
        shape = list(config.image_shape)
        raise UsageError(f"architecture.image_shape={shape}: {config.name} wants [channels, {side}, {side}]")
    if config.name == "imagenet_dcgan" and config.width % 2:
        raise UsageError(f"architecture.width={config.width}: imagenet_dcgan halves its channels, so an even number")
