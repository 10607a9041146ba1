"""The autoencoders made of a pair's two networks: the energy-based discriminator, and the baselines without a game."""

from pathlib import Path

import pytest
import torch
from small_runs import PAIRS

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.config import Config
from improved_gan.layers.autoencoder import AutoencodingDiscriminator
from improved_gan.training.batches import Batch
from improved_gan.training.builder import build_gan, initialise
from improved_gan.training.step import discriminator_step, generator_step, reconstruction_step
from improved_gan.training.trainer import Trainer

CPU = torch.device("cpu")
SMALL = ("architecture.width=16", "architecture.generator_width=16", "training.threads=1")


def configured(pair: str, *overrides: str) -> Config:
    technique = [] if "objective=vae" in overrides or "objective=autoencoder" in overrides else ["technique=none"]
    return compose_jobs([*PAIRS[pair], *technique, *SMALL, *overrides])[0].config


def batch_for(config: Config, count: int = 6) -> Batch:
    return Batch(torch.rand(count, *config.architecture.image_shape), None, None, None)


@pytest.mark.parametrize("minibatch_layer", ["false", "true"])
@pytest.mark.parametrize("name", PAIRS)
def test_energies_of_every_pair(name: str, minibatch_layer: str) -> None:
    """The mean squared error of each batch decoded by itself, finite through two steps of both players."""
    config = configured(name, "objective=energy_based", f"technique.minibatch_discrimination.enabled={minibatch_layer}")
    torch.manual_seed(0)
    pair, batch = build_gan(config, None, CPU), batch_for(config)
    initialise(pair, batch.real)
    network = pair.discriminator
    assert isinstance(network, AutoencodingDiscriminator)
    network.eval()
    others = torch.rand(3, *config.architecture.image_shape)
    outputs = network(batch.real, others)
    for images, output in zip((batch.real, others), outputs, strict=True):
        codes = network.encoder(images)[0].logits
        decoded = network.decoder(codes)
        energies = [((x - y) ** 2).sum() / x.numel() for x, y in zip(images, decoded, strict=True)]
        torch.testing.assert_close(output.logits[:, 0], torch.stack(energies))
        torch.testing.assert_close(output.features, network.features(images)[0])
    network.train()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(2):
        losses = discriminator_step(pair, batch) | generator_step(pair, batch.real)
    assert all(value.isfinite() for value in losses.values())
    assert all(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize("objective", ["autoencoder", "vae"])
@pytest.mark.parametrize("name", PAIRS)
def test_encoder_and_decoder_of_every_pair_move_together(name: str, objective: str) -> None:
    config = configured(name, f"objective={objective}", "technique.historical_averaging.enabled=true",
                        "technique.virtual_batch_norm.enabled=true",
                        "technique.virtual_batch_norm.reference_size=4")  # fmt: skip
    torch.manual_seed(0)
    pair, batch = build_gan(config, None, CPU), batch_for(config)
    initialise(pair, batch.real)
    parameters = [*pair.discriminator.parameters(), *pair.generator.parameters()]
    before = [parameter.detach().clone() for parameter in parameters]
    for _ in range(2):
        losses = reconstruction_step(pair, batch)
    assert all(value.isfinite() for value in losses.values())
    moved = [not torch.equal(a, b) for a, b in zip(before, parameters, strict=True)]
    assert sum(moved) >= 0.9 * len(moved)


@pytest.mark.parametrize("objective", ["autoencoder", "vae"])
def test_reconstructions_of_digits_come_nearer(objective: str) -> None:
    config = configured("digits", f"objective={objective}", "training.steps=60")
    trainer = Trainer(config, dataset.load(config.dataset, Path("nowhere")))
    trainer.initialise()

    def error() -> float:
        drawn = trainer.reconstructions()
        assert drawn is not None and drawn.shape == (64, 1, 8, 8)
        rows = drawn.float().div(255).view(4, 2, 8, 64)
        assert torch.equal(drawn[:8, 0], torch.from_numpy(trainer.dataset.train.images[:8, 0]))
        return float((rows[:, 0] - rows[:, 1]).square().mean())

    untrained, state = error(), torch.get_rng_state()
    error()
    assert torch.equal(torch.get_rng_state(), state)  # drawing them changes nothing that comes after
    for _ in range(60):
        losses = trainer.advance()
    assert error() < 0.8 * untrained and "generator_loss" not in losses
