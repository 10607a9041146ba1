"""The rivals of the paper's game, trained: critics with clipped weights or a gradient penalty, on every pair."""

import pytest
import torch
from small_runs import PAIRS

from improved_gan.composing import compose_jobs
from improved_gan.config import Config
from improved_gan.training.batches import Batch
from improved_gan.training.builder import build_gan, initialise
from improved_gan.training.device import resolved_precision
from improved_gan.training.step import discriminator_step, generator_step

CPU = torch.device("cpu")
SMALL = ("architecture.width=8", "architecture.generator_width=8", "technique.virtual_batch_norm.reference_size=4")
SMALL += ("technique.minibatch_discrimination.kernels=6", "technique.minibatch_discrimination.dims=3")


def configured(pair: str, *overrides: str) -> Config:
    return compose_jobs([*PAIRS[pair], "technique=none", *SMALL, *overrides])[0].config


def batch_for(config: Config, count: int = 6) -> Batch:
    return Batch(torch.rand(count, *config.architecture.image_shape), torch.arange(count) % 10, None, None)


@pytest.mark.parametrize("minibatch_layer", ["false", "true"])
@pytest.mark.parametrize("name", PAIRS)
def test_a_gradient_penalty_reaches_every_parameter_of_every_critic(name: str, minibatch_layer: str) -> None:
    """Noise and dropout on, channels last, virtual batch norm in the generator."""
    config = configured(
        name,
        "objective=wasserstein_gp",
        "technique.virtual_batch_norm.enabled=true",
        f"technique.minibatch_discrimination.enabled={minibatch_layer}",
    )
    torch.manual_seed(0)
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    pair.discriminator.to(memory_format=torch.channels_last)
    batch = batch._replace(real=batch.real.contiguous(memory_format=torch.channels_last))
    initialise(pair, batch.real)
    losses = discriminator_step(pair, batch) | generator_step(pair, batch.real)
    assert all(value.isfinite() for value in losses.values())
    assert losses["gradient_penalty"] > 0
    parameters = list(pair.discriminator.parameters())
    before = [parameter.detach().clone() for parameter in parameters]
    pair.discriminator_player.update(pair.penalties["gradient_penalty"](pair.loss_inputs(batch.real, 1 - batch.real)))
    moved = [not torch.equal(a, b) for a, b in zip(before, parameters, strict=True)]
    assert sum(moved) >= 0.5 * len(moved)  # biases beyond which everything is piecewise linear have no share in it


@pytest.mark.parametrize("name", ["digits", "digits_conv"])
def test_clipped_critics_stay_within_their_bounds(name: str) -> None:
    config = configured(name, "objective=wasserstein", "technique.minibatch_discrimination.enabled=true")
    torch.manual_seed(0)
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    initialise(pair, batch.real)
    before = [parameter.detach().clone() for parameter in pair.discriminator.parameters()]
    for _ in range(2):
        losses = discriminator_step(pair, batch) | generator_step(pair, batch.real)
    assert all(value.isfinite() for value in losses.values())
    assert all(parameter.abs().max() <= 0.01 for parameter in pair.discriminator.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, pair.discriminator.parameters(), strict=True))


def test_rmsprop_is_its_formula() -> None:
    """v <- alpha v + (1 - alpha) g^2, p <- p - lr g / (sqrt(v) + epsilon), with alpha = training.optimizer.beta2."""
    config = configured(
        "digits", "objective=wasserstein", "technique.weight_clipping.limit=100", "training.learning_rate=0.1"
    )
    pair = build_gan(config, 10, CPU)
    player, parameter = pair.discriminator_player, next(iter(pair.discriminator.parameters()))
    values, v = parameter.detach().clone().double(), torch.zeros_like(parameter, dtype=torch.float64)
    for t in range(1, 4):
        gradient = torch.sin(torch.arange(parameter.numel()) * t).view_as(parameter)
        player.update((parameter * gradient).sum())
        v = 0.99 * v + 0.01 * gradient.double() ** 2
        values -= 0.1 * gradient.double() / (v.sqrt() + 1e-8)
    torch.testing.assert_close(parameter.detach().double(), values, rtol=1e-4, atol=1e-5)


def test_second_derivatives_are_taken_in_fp32() -> None:
    config = configured("digits", "objective=wasserstein_gp")
    config.architecture.learns_in_bf16 = True
    assert resolved_precision(config, CPU) == "fp32"
