"""ImageNet at 128x128 (section 5.4, Figure 6): the authors' DCGAN with noise at every level and a joint batch norm."""

from typing import Any

from improved_gan.architecture import Architecture, Layer, Normalisation
from improved_gan.nodes import ArchitectureConfig
from improved_gan.schema import UsageError
from improved_gan.tensors import Module


def check(config: ArchitectureConfig, run: Any) -> None:
    """Half the channels go to either kind of statistics."""
    if config.width % 2:
        raise UsageError(f"architecture.width={config.width}: imagenet_dcgan halves its channels, so an even number")


def generator(config: ArchitectureConfig, normalisation: Normalisation) -> Module:
    """The generator; its `latent_size` counts the noise channels too, `config.latent_size` only z."""
    from improved_gan.layers.imagenet import ImagenetGenerator

    return ImagenetGenerator(config.latent_size, config.generator_width, config.image_shape[0], normalisation)


def discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None) -> Module:
    """The discriminator; its features are the 40w of the dense layer."""
    from improved_gan.layers.imagenet import ImagenetDiscriminator, ImagenetTrunk, dense

    trunk = ImagenetTrunk(config.image_shape[0], config.image_shape[1], config.width)
    return ImagenetDiscriminator(trunk, trunk.out_features, lambda features: dense(features, outputs), layer)


ARCHITECTURE = Architecture(
    generator=generator,
    discriminator=discriminator,
    check=check,
    side=128,
    couples_images=True,
    takes_noise_at_every_level=True,
)
