"""The networks of a pair: the architecture is handed its normalisation and its minibatch layer here."""

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from improved_gan.architecture import (
    AutoencodingDiscriminator,
    Discriminator,
    Generator,
    Normalisation,
    build_discriminator,
    build_generator,
)
from improved_gan.architecture.batch_norm import BatchNorm, ScaleShift
from improved_gan.architecture.noise import GaussianNoise, NoisyInput
from improved_gan.architecture.weight_norm import without_weight_norm
from improved_gan.config import ArchitectureConfig, Config, TechniqueConfig
from improved_gan.objective import Adversarial, Objective, Reconstruction
from improved_gan.technique.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.technique.minibatch_stddev import MinibatchStddev
from improved_gan.technique.spectral_norm import normalise_spectrally
from improved_gan.technique.virtual_batch_norm import VirtualBatchNorm, VirtualBatchNormGenerator


def generator_for(config: Config, device: torch.device) -> Generator | VirtualBatchNormGenerator:
    """The generator, with reference latents of its own where its normalisation is virtual."""
    virtual = config.technique.virtual_batch_norm
    if not virtual.enabled:
        return build_generator(config.architecture, _own_normalisation(config.architecture))
    generator = build_generator(config.architecture, partial(VirtualBatchNorm, reference_size=virtual.reference_size))
    reference = draw_latents(
        config.architecture.latent_distribution, generator.latent_size, device, virtual.reference_size, None
    )
    return VirtualBatchNormGenerator(generator, reference)


def discriminator_for(
    config: Config, objective: Objective, classes: int | None, latent_size: int, noise: GaussianNoise | None
) -> Discriminator:
    """The discriminator of packs of images, seen through `noise`; for energies and codes, with the outputs of those."""
    outputs = objective.code_size(latent_size) if isinstance(objective, Reconstruction) else objective.logits(classes)
    channels, *sides = config.architecture.image_shape
    architecture = dataclasses.replace(
        config.architecture, image_shape=[pack_size(config.technique) * channels, *sides]
    )
    discriminator = build_discriminator(architecture, outputs, _minibatch_layer(config.technique))
    if config.technique.spectral_norm.enabled:
        without_weight_norm(discriminator)
        normalise_spectrally(discriminator)
    if noise is not None:
        discriminator.trunk = NoisyInput(discriminator.trunk, noise)
    if not (isinstance(objective, Adversarial) and objective.discriminator_decodes):
        return discriminator
    return AutoencodingDiscriminator(
        discriminator,
        lambda size: build_generator(
            dataclasses.replace(architecture, latent_size=size), _own_normalisation(architecture)
        ),
    )


def pack_size(technique: TechniqueConfig) -> int:
    """How many images the discriminator sees at once."""
    return technique.packing.samples if technique.packing.enabled else 1


def draw_latents(
    distribution: str, size: int, device: torch.device, count: int, source: torch.Generator | None
) -> Tensor:
    """`count` latents from U(0,1), U(-1,1) or N(0,1); from a CPU `source` they are the same on any device."""
    latents = torch.empty(count, size, device=device if source is None else "cpu")
    match distribution:
        case "uniform":
            latents.uniform_(0, 1, generator=source)
        case "symmetric_uniform":
            latents.uniform_(-1, 1, generator=source)
        case "normal":
            latents.normal_(generator=source)
    return latents.to(device)


def _own_normalisation(architecture: ArchitectureConfig) -> Normalisation:
    return BatchNorm if architecture.batch_norm else ScaleShift


def _minibatch_layer(technique: TechniqueConfig) -> Callable[[int], nn.Module] | None:
    if technique.minibatch_stddev.enabled:
        return MinibatchStddev
    config = technique.minibatch_discrimination
    if not config.enabled:
        return None
    if config.across_batches:
        return partial(JointMinibatchDiscrimination, kernels=config.kernels, dims=config.dims)
    return partial(
        MinibatchDiscrimination,
        kernels=config.kernels,
        dims=config.dims,
        include_self=config.include_self,
        normalised_projection=config.normalised_projection,
        initial_scale=config.initial_scale,
        bias=config.bias,
    )
