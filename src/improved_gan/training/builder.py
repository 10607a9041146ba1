"""Puts a pair together: the architecture is handed its normalisation and its minibatch layer here."""

import dataclasses
from collections.abc import Callable, Iterable
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
from improved_gan.architecture.batch_norm import BatchNorm, Unnormalised
from improved_gan.architecture.noise import GaussianNoise, NoisyInput
from improved_gan.architecture.weight_norm import data_dependent_initialisation, without_weight_norm
from improved_gan.config import (
    ArchitectureConfig,
    AveragingConfig,
    Config,
    OptimizerConfig,
    TechniqueConfig,
)
from improved_gan.objective import (
    Constrained,
    EnergyBased,
    FeaturePenalised,
    Objective,
    Penalised,
    Reconstructing,
    build_objective,
)
from improved_gan.technique.historical_averaging import HistoricalAverage
from improved_gan.technique.label_smoothing import smoothed_targets
from improved_gan.technique.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.technique.minibatch_stddev import MinibatchStddev
from improved_gan.technique.r1 import r1_penalty
from improved_gan.technique.spectral_norm import normalise_spectrally
from improved_gan.technique.virtual_batch_norm import VirtualBatchNorm, VirtualBatchNormGenerator
from improved_gan.training.adam import Adam
from improved_gan.training.averaging import WeightAverage
from improved_gan.training.balance import AdaptiveBalance
from improved_gan.training.pair import GeneratorLoss, Pair, Penalty, Player
from improved_gan.training.step import feature_matching, fooling_the_discriminator, unrolled

LATENTS_FOR_INITIALISATION = 100


def build_pair(config: Config, classes: int | None, device: torch.device) -> Pair:
    """The pair that `config` describes, freshly initialised from torch's random state, on `device`."""
    technique, training, objective = config.technique, config.training, build_objective(config.objective)
    with device:  # every tensor is made where it will live
        generator = _generator(config, device)
        noise = GaussianNoise(training.balance.discriminator_noise) if training.balance.discriminator_noise else None
        discriminator = _discriminator(config, objective, classes, generator.latent_size, noise)
    history, balance = technique.historical_averaging, training.balance
    targets = smoothed_targets(technique.label_smoothing)
    return Pair(
        generator_player=_player(
            generator,
            training.generator_learning_rate,
            training.optimizer,
            training.generator_average,
            history.generator_weight if history.enabled else None,
            balance.generator_loss_weight,
        ),
        discriminator_player=_player(
            discriminator,
            training.discriminator_learning_rate,
            training.optimizer,
            training.discriminator_average,
            history.discriminator_weight if history.enabled else None,
            balance.discriminator_loss_weight,
            objective.constrain if isinstance(objective, Constrained) else None,
        ),
        objective=objective,
        generator_loss=_generator_loss(technique, objective),
        penalties=_penalties(technique, objective),
        real_target=targets.real,
        fake_target=targets.fake,
        pack=_pack(technique),
        draw_latents=partial(draw_latents, config.architecture.latent_distribution, generator.latent_size, device),
        balance=AdaptiveBalance(balance.adaptive_accuracy),
        discriminator_noise=noise,
    )


def _generator_loss(technique: TechniqueConfig, objective: Objective) -> GeneratorLoss:
    if technique.feature_matching.enabled:
        loss = feature_matching(technique.feature_matching.distance)
    else:
        loss = fooling_the_discriminator(
            smoothed_targets(technique.label_smoothing).generator,
            objective.feature_penalty if isinstance(objective, FeaturePenalised) else None,
        )
    return unrolled(loss, technique.unrolling.steps) if technique.unrolling.enabled else loss


def _penalties(technique: TechniqueConfig, objective: Objective) -> dict[str, Penalty]:
    penalties: dict[str, Penalty] = {}
    if isinstance(objective, Penalised):
        penalties["gradient_penalty"] = objective.penalty
    if technique.r1.enabled:

        def r1(logits: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
            return r1_penalty(technique.r1.weight, lambda images: objective.realness(logits(images)), real)

        penalties["r1_penalty"] = r1
    return penalties


def _pack(technique: TechniqueConfig) -> int:
    """How many images the discriminator sees at once."""
    return technique.packing.samples if technique.packing.enabled else 1


def initialise(pair: Pair, real_images: Tensor) -> None:
    """Data-dependent initialisation: the discriminator's on `real_images`, the generator's on 100 latents."""
    pair.discriminator_player.constrain()  # or the first step's clipping would undo what is set here
    data_dependent_initialisation(pair.discriminator, real_images)
    data_dependent_initialisation(pair.generator, pair.draw_latents(LATENTS_FOR_INITIALISATION, None))


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


def _generator(config: Config, device: torch.device) -> Generator | VirtualBatchNormGenerator:
    virtual = config.technique.virtual_batch_norm
    if not virtual.enabled:
        return build_generator(config.architecture, _own_normalisation(config.architecture))
    generator = build_generator(config.architecture, partial(VirtualBatchNorm, reference_size=virtual.reference_size))
    reference = draw_latents(
        config.architecture.latent_distribution, generator.latent_size, device, virtual.reference_size, None
    )
    return VirtualBatchNormGenerator(generator, reference)


def _discriminator(
    config: Config, objective: Objective, classes: int | None, latent_size: int, noise: GaussianNoise | None
) -> Discriminator:
    outputs = objective.code_size(latent_size) if isinstance(objective, Reconstructing) else objective.outputs(classes)
    channels, *sides = config.architecture.image_shape
    architecture = dataclasses.replace(config.architecture, image_shape=[_pack(config.technique) * channels, *sides])
    discriminator = build_discriminator(architecture, outputs, _minibatch_layer(config.technique))
    if config.technique.spectral_norm.enabled:
        without_weight_norm(discriminator)
        normalise_spectrally(discriminator)
    if noise is not None:
        discriminator.trunk = NoisyInput(discriminator.trunk, noise)
    if not isinstance(objective, EnergyBased):
        return discriminator
    return AutoencodingDiscriminator(
        discriminator,
        lambda size: build_generator(
            dataclasses.replace(architecture, latent_size=size), _own_normalisation(architecture)
        ),
    )


def _own_normalisation(architecture: ArchitectureConfig) -> Normalisation:
    return BatchNorm if architecture.batch_norm else Unnormalised


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
        bias=config.bias,
    )


def _player(
    network: nn.Module,
    learning_rate: float,
    optimizer: OptimizerConfig,
    average: AveragingConfig,
    history_weight: float | None,
    loss_weight: float,
    constraint: Callable[[Iterable[Tensor]], None] | None = None,
) -> Player:
    parameters = list(network.parameters())
    return Player(
        network=network,
        optimizer=_optimizer(parameters, learning_rate, optimizer),
        learning_rate=learning_rate,
        average=None if average.rate is None else WeightAverage(parameters, average.rate, average.corrected),
        history=None if history_weight is None else HistoricalAverage(parameters),
        history_weight=history_weight or 0.0,
        constraint=constraint,
        loss_weight=loss_weight,
    )


def _optimizer(parameters: list[nn.Parameter], learning_rate: float, config: OptimizerConfig) -> torch.optim.Optimizer:
    if config.name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=config.beta2, eps=config.epsilon)
    adam = Adam if config.epsilon_inside_root else torch.optim.Adam
    return adam(parameters, lr=learning_rate, betas=(config.beta1, config.beta2), eps=config.epsilon)
