"""Puts a pair together: its networks, what each player minimises, and how each is moved."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from improved_gan.config import Config, EmaConfig, OptimizerConfig
from improved_gan.layers.noise import GaussianNoise
from improved_gan.layers.products import set_precision
from improved_gan.layers.weight_norm import data_dependent_initialisation
from improved_gan.objective import Targets, build_objective
from improved_gan.technique import Technique
from improved_gan.training.adam import Adam
from improved_gan.training.balance import AdaptiveBalance
from improved_gan.training.device import resolved_precision
from improved_gan.training.ema import ExponentialMovingAverage
from improved_gan.training.gan import GAN, GeneratorLoss, Penalty, Player
from improved_gan.training.networks import discriminator_for, draw_latents, enabled, generator_for, pack_size
from improved_gan.training.step import loss_instead, own_generator_loss

LATENTS_FOR_INITIALISATION = 100


def build_gan(config: Config, classes: int | None, device: torch.device) -> GAN:
    """The pair that `config` describes, freshly initialised from torch's random state, on `device`."""
    training, objective = config.training, build_objective(config.objective)
    with device:  # every tensor is made where it will live
        generator = generator_for(config, device)
        noise = GaussianNoise(training.balance.instance_noise_std) if training.balance.instance_noise_std else None
        discriminator = discriminator_for(config, objective, classes, generator.latent_size, noise)
    for network in (generator, discriminator):
        set_precision(network, torch.bfloat16 if resolved_precision(config, device) == "bf16" else None)
    on, balance = enabled(config.technique), training.balance
    penalties = _terms({name: (one.penalty, own) for name, (one, own) in on.items()})
    constraints = [one.constraint(own) for one, own in on.values() if one.constraint is not None]
    targets = Targets()
    for one, own in on.values():
        targets = one.targets(own, targets) if one.targets is not None else targets
    return GAN(
        generator_player=_player(
            generator,
            training.generator_learning_rate,
            training.optimizer,
            training.generator_ema,
            _parameter_penalties(on, "generator", generator),
            balance.generator_loss_weight,
        ),
        discriminator_player=_player(
            discriminator,
            training.discriminator_learning_rate,
            training.optimizer,
            training.discriminator_ema,
            _parameter_penalties(on, "discriminator", discriminator),
            balance.discriminator_loss_weight,
            tuple(constraints),
        ),
        objective=objective,
        generator_loss=_generator_loss(on),
        generator_sees_reals=(
            any(one.generator_sees_reals for one, _ in on.values())
            or discriminator.couples_batches
            or objective.generator_sees_reals
        ),
        penalties=penalties,
        generator_penalties=_terms({name: (one.generator_penalty, own) for name, (one, own) in on.items()}),
        targets=targets,
        pack=pack_size(config.technique),
        draw_latents=partial(draw_latents, config.architecture.latent_distribution, generator.latent_size, device),
        balance=AdaptiveBalance(balance.accuracy_threshold),
        discriminator_noise=noise,
    )


Enabled = Mapping[str, tuple[Technique, Any]]


def _generator_loss(on: Enabled) -> GeneratorLoss:
    loss: GeneratorLoss = own_generator_loss
    for one, own in on.values():
        loss = loss_instead(one.generator_loss(own)) if one.generator_loss is not None else loss
    for one, own in on.values():
        loss = one.around_generator_loss(own, loss) if one.around_generator_loss is not None else loss
    return loss


def _terms(places: Mapping[str, tuple[Callable[[Any], Penalty] | None, Any]]) -> dict[str, Penalty]:
    """The filled places' terms of a loss, by their names in the log."""
    return {
        name if name.endswith("_penalty") else f"{name}_penalty": place(own)
        for name, (place, own) in places.items()
        if place is not None
    }


def _parameter_penalties(on: Enabled, player: str, network: nn.Module) -> dict[str, Any]:
    parameters = list(network.parameters())
    return {
        name: one.parameter_penalty(own, player, parameters)
        for name, (one, own) in on.items()
        if one.parameter_penalty is not None
    }


def initialise(pair: GAN, real_images: Tensor) -> None:
    """Data-dependent initialisation: the discriminator's on `real_images`, the generator's on 100 latents."""
    pair.discriminator_player.constrain()  # or the first step's clipping would undo what is set here
    data_dependent_initialisation(pair.discriminator, real_images)
    data_dependent_initialisation(pair.generator, pair.draw_latents(LATENTS_FOR_INITIALISATION, None))


def _player(
    network: nn.Module,
    learning_rate: float,
    optimizer: OptimizerConfig,
    average: EmaConfig,
    parameter_penalties: Mapping[str, Any],
    loss_weight: float,
    constraints: tuple[Callable[[Iterable[Tensor]], None], ...] = (),
) -> Player:
    parameters = list(network.parameters())
    return Player(
        network=network,
        optimizer=_optimizer(parameters, learning_rate, optimizer),
        learning_rate=learning_rate,
        average=None
        if average.decay is None
        else ExponentialMovingAverage(parameters, round(1 - average.decay, 12), average.bias_correction),
        parameter_penalties=parameter_penalties,
        constraints=constraints,
        loss_weight=loss_weight,
    )


def _optimizer(parameters: list[nn.Parameter], learning_rate: float, config: OptimizerConfig) -> torch.optim.Optimizer:
    beta1, beta2, epsilon = config.beta1, config.beta2, config.epsilon
    on_gpu = bool(parameters) and parameters[0].is_cuda  # where PyTorch's own are to count and read their rate there
    if config.name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=beta2, eps=epsilon, capturable=on_gpu)
    if config.epsilon_inside_root:
        return Adam(parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon)
    return torch.optim.Adam(parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, capturable=on_gpu)
