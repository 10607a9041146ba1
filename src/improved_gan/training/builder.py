"""Puts a pair together: its networks, what each player minimises, and how each is moved."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

from improved_gan.architecture.noise import GaussianNoise
from improved_gan.architecture.weight_norm import data_dependent_initialisation
from improved_gan.config import AveragingConfig, Config, OptimizerConfig, TechniqueConfig
from improved_gan.objective import Adversarial, Objective, Targets, build_objective
from improved_gan.technique.historical_averaging import HistoricalAverage
from improved_gan.technique.label_smoothing import smoothed_targets
from improved_gan.technique.r1 import r1_penalty
from improved_gan.technique.r2 import r2_penalty
from improved_gan.training.adam import Adam
from improved_gan.training.balance import AdaptiveBalance
from improved_gan.training.ema import ExponentialMovingAverage
from improved_gan.training.gan import GAN, GeneratorLoss, Penalty, Player
from improved_gan.training.networks import discriminator_for, draw_latents, generator_for, pack_size
from improved_gan.training.step import feature_matching, own_generator_loss, unrolled

LATENTS_FOR_INITIALISATION = 100


def build_gan(config: Config, classes: int | None, device: torch.device) -> GAN:
    """The pair that `config` describes, freshly initialised from torch's random state, on `device`."""
    technique, training, objective = config.technique, config.training, build_objective(config.objective)
    with device:  # every tensor is made where it will live
        generator = generator_for(config, device)
        noise = GaussianNoise(training.balance.discriminator_noise) if training.balance.discriminator_noise else None
        discriminator = discriminator_for(config, objective, classes, generator.latent_size, noise)
    history, balance = technique.historical_averaging, training.balance
    return GAN(
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
            objective.constraint if isinstance(objective, Adversarial) else None,
        ),
        objective=objective,
        generator_loss=_generator_loss(technique),
        generator_sees_reals=(
            technique.feature_matching.enabled
            or technique.unrolling.enabled
            or discriminator.couples_batches
            or (isinstance(objective, Adversarial) and objective.generator_sees_reals)
        ),
        penalties=_penalties(technique, objective),
        targets=Targets(*smoothed_targets(technique.label_smoothing)),
        pack=pack_size(technique),
        draw_latents=partial(draw_latents, config.architecture.latent_distribution, generator.latent_size, device),
        balance=AdaptiveBalance(balance.adaptive_accuracy),
        discriminator_noise=noise,
    )


def _generator_loss(technique: TechniqueConfig) -> GeneratorLoss:
    matching = technique.feature_matching
    loss = feature_matching(matching.distance) if matching.enabled else own_generator_loss
    return unrolled(loss, technique.unrolling.steps) if technique.unrolling.enabled else loss


def _penalties(technique: TechniqueConfig, objective: Objective) -> dict[str, Penalty]:
    penalties: dict[str, Penalty] = {}
    if not isinstance(objective, Adversarial):
        return penalties
    if objective.penalty is not None:
        penalties["gradient_penalty"] = objective.penalty
    if technique.r1.enabled:

        def r1(logits: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
            return r1_penalty(technique.r1.weight, lambda images: objective.real_score(logits(images)), real)

        penalties["r1_penalty"] = r1
    if technique.r2.enabled:

        def r2(logits: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
            return r2_penalty(technique.r2.weight, lambda images: objective.real_score(logits(images)), fake)

        penalties["r2_penalty"] = r2
    return penalties


def initialise(pair: GAN, real_images: Tensor) -> None:
    """Data-dependent initialisation: the discriminator's on `real_images`, the generator's on 100 latents."""
    pair.discriminator_player.constrain()  # or the first step's clipping would undo what is set here
    data_dependent_initialisation(pair.discriminator, real_images)
    data_dependent_initialisation(pair.generator, pair.draw_latents(LATENTS_FOR_INITIALISATION, None))


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
        average=None if average.rate is None else ExponentialMovingAverage(parameters, average.rate, average.corrected),
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
