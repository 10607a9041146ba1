"""The networks of a pair: the architecture is handed its normalisation and the techniques' layers here."""

import dataclasses
from functools import partial
from typing import Any

import torch
from torch import Tensor

from improved_gan import registry
from improved_gan.architecture import build_discriminator, build_generator
from improved_gan.config import Config, TechniqueConfig
from improved_gan.layers.autoencoder import AutoencodingDiscriminator
from improved_gan.layers.batch_norm import BatchNorm, ScaleShift
from improved_gan.layers.discriminator import Discriminator
from improved_gan.layers.generator import Generator, Normalisation
from improved_gan.layers.noise import GaussianNoise, NoisyInput
from improved_gan.layers.seen_through import SeenThrough
from improved_gan.layers.virtual_batch_norm import VirtualBatchNormGenerator
from improved_gan.nodes import ArchitectureConfig
from improved_gan.objective import Objective
from improved_gan.technique import Technique


def generator_for(config: Config, device: torch.device) -> Generator | VirtualBatchNormGenerator:
    """The generator with what techniques make of its normalisation and of itself."""
    normalisation: Normalisation = _own_normalisation(config.architecture)
    for technique, own in enabled(config.technique).values():
        if technique.generator_normalisation is not None:
            normalisation = technique.generator_normalisation(own)
    generator: Generator = build_generator(config.architecture, normalisation)
    draw = partial(draw_latents, config.architecture.latent_distribution, generator.latent_size, device, source=None)
    for technique, own in enabled(config.technique).values():
        if technique.generator is not None:
            generator = technique.generator(own, generator, draw)
    return generator


def discriminator_for(
    config: Config, objective: Objective, classes: int | None, latent_size: int, noise: GaussianNoise | None
) -> Discriminator:
    """The discriminator of packs of images, seen through `noise`; for energies and codes, with the outputs of those."""
    outputs = objective.outputs(classes, latent_size)
    channels, *sides = config.architecture.image_shape
    architecture = dataclasses.replace(
        config.architecture, image_shape=[pack_size(config.technique) * channels, *sides]
    )
    on = enabled(config.technique).values()
    layer = next((partial(t.discriminator_layer, own) for t, own in on if t.discriminator_layer is not None), None)
    discriminator: Discriminator = build_discriminator(architecture, outputs, layer)
    for technique, own in on:
        if technique.discriminator is not None:
            discriminator = technique.discriminator(own, discriminator)
    if noise is not None:
        discriminator.trunk = NoisyInput(discriminator.trunk, noise)
    if objective.discriminator_decodes:
        discriminator = AutoencodingDiscriminator(
            discriminator,
            lambda size: build_generator(
                dataclasses.replace(architecture, latent_size=size), _own_normalisation(architecture)
            ),
        )
    for technique, own in on:
        if technique.discriminator_input is not None:
            discriminator = SeenThrough(discriminator, technique.discriminator_input(own))
    return discriminator


def pack_size(technique: TechniqueConfig) -> int:
    """How many images the discriminator sees at once."""
    return next((one.pack(own) for one, own in enabled(technique).values() if one.pack is not None), 1)


def enabled(config: TechniqueConfig) -> dict[str, tuple[Technique, Any]]:
    """The records of the techniques that are on, each with its own config."""
    return {name: (registry.techniques()[name], getattr(config, name)) for name in config.enabled()}


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
