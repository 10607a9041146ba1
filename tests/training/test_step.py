"""One update of each player, with every technique in its place, on every architecture."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.config import Config
from improved_gan.training.batches import Batch
from improved_gan.training.builder import build_gan, initialise
from improved_gan.training.gan import GAN, frozen
from improved_gan.training.step import (
    discriminator_losses,
    discriminator_step,
    generator_step,
    simultaneous_step,
    supervised_step,
)
from improved_gan.training.trainer import Trainer

TECHNIQUES = ("feature_matching", "minibatch_discrimination", "historical_averaging", "label_smoothing")
TECHNIQUES += ("virtual_batch_norm",)
SMALL = ("architecture.width=8", "architecture.generator_width=8", "technique.virtual_batch_norm.reference_size=4")
SMALL += ("technique.minibatch_discrimination.kernels=6", "technique.minibatch_discrimination.dims=3")
PAIRS = {
    "digits": ("dataset=digits", "architecture=digits_mlp"),
    "digits_conv": ("dataset=digits", "architecture=digits_conv"),
    "ring": ("dataset=ring", "architecture=toy_mlp", "objective=non_saturating"),
    "mnist": ("dataset=mnist", "architecture=mnist_mlp"),
    "cifar10": ("experiment=cifar10_table3",),
    "svhn": ("experiment=svhn_semi_supervised",),
    "imagenet": ("experiment=imagenet128",),
}
CPU = torch.device("cpu")


def configured(pair: str, *overrides: str) -> Config:
    none = [] if pair in ("cifar10", "svhn", "imagenet") else ["technique=none"]
    return compose_jobs([*PAIRS[pair], *none, *SMALL, *overrides])[0].config


def batch_for(config: Config, count: int = 6) -> Batch:
    real, labels = torch.rand(count, *config.architecture.image_shape), torch.arange(count) % 10
    apart = not config.objective.fully_labelled
    return Batch(real, labels, torch.rand_like(real) if apart else None, labels if apart else None)


def parameters(pair: GAN) -> list[torch.Tensor]:
    return [p.detach().clone() for network in (pair.generator, pair.discriminator) for p in network.parameters()]


@pytest.mark.parametrize("technique", [*TECHNIQUES, "none", "all"])
@pytest.mark.parametrize("name", PAIRS)
def test_every_technique_trains_every_pair(name: str, technique: str) -> None:
    if name == "imagenet" and technique not in ("all", "none"):
        pytest.skip("imagenet: all techniques at once and none; each apart costs too much here")
    switched = TECHNIQUES if technique == "all" else (technique,) if technique != "none" else ()
    config = configured(name, *[f"technique.{t}.enabled={str(t in switched).lower()}" for t in TECHNIQUES])
    torch.manual_seed(0)
    pair, batch = build_gan(config, config.dataset.classes, CPU), batch_for(config)
    initialise(pair, batch.real)
    before = parameters(pair)
    for _ in range(2):  # historical averaging pulls from its second step on
        losses = discriminator_step(pair, batch) | generator_step(pair, batch.real)
    assert all(value.isfinite() for value in losses.values())
    moved = [not torch.equal(a, b) for a, b in zip(before, parameters(pair), strict=True)]
    assert sum(moved) >= 0.8 * len(moved)  # the feature matching generator leaves the head's share alone


@pytest.mark.parametrize("name", PAIRS)
def test_both_players_losses_stay_on_the_device(name: str) -> None:
    """Fake CUDA: every technique at once; a tensor left on the CPU would raise."""
    config = configured(name, *[f"technique.{t}.enabled=true" for t in TECHNIQUES])
    no_matching = configured(name, "technique.feature_matching.enabled=false")
    with FakeTensorMode(), torch.device("cuda"):
        cuda = torch.device("cuda")
        for settings in (config, no_matching):
            pair, batch = build_gan(settings, settings.dataset.classes, cuda), batch_for(settings)
            losses = discriminator_losses(pair, batch)
            losses["generator_loss"] = pair.generator_loss(pair, batch.real, pair.generate(len(batch.real)))
            losses["penalty"] = torch.as_tensor(pair.discriminator_player.penalty())
            assert all(value.device.type == "cuda" for name, value in losses.items() if name != "penalty")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", PAIRS)
def test_a_step_on_a_gpu(name: str) -> None:
    config, cuda = configured(name, *[f"technique.{t}.enabled=true" for t in TECHNIQUES]), torch.device("cuda")
    pair, batch = build_gan(config, config.dataset.classes, cuda), batch_for(config)
    batch = Batch(*[None if part is None else part.to(cuda) for part in batch])
    losses = discriminator_step(pair, batch) | generator_step(pair, batch.real)
    assert all(value.isfinite() and value.device.type == "cuda" for value in losses.values())


def test_the_discriminators_loss_is_the_sum_that_the_paper_writes() -> None:
    """L_labelled - 1/2 E log D(real) - 1/2 E log(1 - D(fake)), smoothed, plus the penalty, without noise."""
    config = configured("digits", "technique.label_smoothing.enabled=true", "technique.label_smoothing.real_target=0.8")
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    pair.discriminator.eval()
    torch.manual_seed(3)
    losses = discriminator_losses(pair, batch)
    torch.manual_seed(3)
    fake = pair.generate(6)
    real_d, fake_d = (pair.discriminator(x)[0].logits.logsumexp(1).sigmoid() for x in (batch.real, fake))
    unlabelled = -(0.8 * real_d.log() + 0.2 * (1 - real_d).log()).mean() / 2 - (1 - fake_d).log().mean() / 2
    labelled = functional.cross_entropy(pair.discriminator(batch.labelled)[0].logits, batch.labels)
    torch.testing.assert_close(losses["discriminator_loss"], unlabelled + labelled)


def test_feature_matching_is_the_distance_of_mean_features() -> None:
    config = configured("digits", "technique.feature_matching.enabled=true")
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    pair.discriminator.eval()
    fake = pair.generate(6)
    means = [pair.discriminator.features(x)[0].mean(0) for x in (batch.real, fake)]
    torch.testing.assert_close(pair.generator_loss(pair, batch.real, fake), (means[0] - means[1]).abs().mean())


def test_the_generators_step_leaves_the_discriminator_alone() -> None:
    config = configured("digits")
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    before = [p.clone() for p in pair.discriminator.parameters()]
    generator_step(pair, batch.real)
    for parameter, old in zip(pair.discriminator.parameters(), before, strict=True):
        assert torch.equal(parameter, old) and parameter.grad is None and parameter.requires_grad


@pytest.mark.parametrize("name", ["digits", "digits_conv"])
@pytest.mark.parametrize("technique", ["none", "feature_matching"])
def test_simultaneous_updates_take_both_gradients_at_the_same_weights_and_latents(name: str, technique: str) -> None:
    switched = [] if technique == "none" else [f"technique.{technique}.enabled=true"]
    wide = ["architecture.width=64", "training.updates=simultaneous", "training.precision=fp32"]
    config = configured(name, *switched, *wide)
    torch.manual_seed(0)
    pair, batch = build_gan(config, 10, CPU), batch_for(config, 100)
    initialise(pair, batch.real)
    pair.discriminator.eval()
    torch.manual_seed(3)
    of_discriminator = torch.autograd.grad(
        discriminator_losses(pair, batch)["discriminator_loss"], list(pair.discriminator.parameters())
    )
    torch.manual_seed(3)
    loss = pair.generator_loss(pair, batch.real, pair.generate(100))
    of_generator = torch.autograd.grad(loss, list(pair.generator.parameters()))
    torch.manual_seed(3)
    before = parameters(pair)
    losses = simultaneous_step(pair, batch)
    torch.testing.assert_close(losses["generator_loss"], loss.detach())
    networks = (pair.discriminator, of_discriminator), (pair.generator, of_generator)
    for network, expected in networks:
        for parameter, gradient in zip(network.parameters(), expected, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
    moved = [not torch.equal(a, b) for a, b in zip(before, parameters(pair), strict=True)]
    of_both = len(list(pair.generator.parameters()))
    assert any(moved[:of_both]) and any(moved[of_both:])


def test_frozen_gives_back_what_it_took_even_after_an_error() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    with pytest.raises(RuntimeError), frozen(layer):
        assert not layer.weight.requires_grad
        raise RuntimeError
    assert layer.weight.requires_grad and not layer.bias.requires_grad


def test_supervised_only_never_touches_the_generator() -> None:
    config = configured("digits", "objective=supervised_only")
    pair, batch = build_gan(config, 10, CPU), batch_for(config)
    before = parameters(pair)
    supervised_step(pair, batch)
    generators = len(list(pair.generator.parameters()))
    after = parameters(pair)
    assert all(torch.equal(a, b) for a, b in zip(before[:generators], after[:generators], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before[generators:], after[generators:], strict=True))


def trainer(*overrides: str) -> Trainer:
    config = compose_jobs(["technique=none", *SMALL, "training.threads=1", *overrides])[0].config
    return Trainer(config, dataset.load(config.dataset, Path("nowhere")))


def test_the_learning_rate_falls_linearly_to_zero() -> None:
    run = trainer("training.steps=10", "training.learning_rate_decay_start=0.5", "training.learning_rate=0.2")
    rates: list[Any] = []
    for _ in range(10):
        run.advance()
        rates.append(float(run.pair.discriminator_player.optimizer.param_groups[0]["lr"]))
    assert rates == pytest.approx([0.2] * 6 + [0.16, 0.12, 0.08, 0.04])


def test_schedules_count_updates() -> None:
    run = trainer("training.steps=2", "training.discriminator_steps=3", "training.generator_steps=2")
    run.advance()
    run.advance()
    steps = [player.optimizer.state_dict()["state"][0]["step"] for player in
             (run.pair.discriminator_player, run.pair.generator_player)]  # fmt: skip
    assert [int(step) for step in steps] == [6, 4]
    assert run.steps_per_epoch == 1437 // 300


def test_labels_are_the_released_recipes() -> None:
    run = trainer("dataset.labels_per_class=3", "dataset.label_seed=5")
    labels = run.dataset.train.labels
    assert labels is not None
    order = torch.from_numpy(__import__("numpy").random.RandomState(5).permutation(len(labels)))
    expected = {int(i) for k in range(10) for i in order[labels[order] == k][:3]}
    seen = run.batches._labelled
    assert seen is not None
    assert set(seen.indices.tolist()) == expected
