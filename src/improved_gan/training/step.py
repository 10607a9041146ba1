"""One update of each player. A technique is no branch here: the builder puts each into its record's places.

- feature matching: the generator's loss (`pair.generator_loss`), which unrolling wraps
- minibatch discrimination, and a later rival: a layer of the discriminator
- historical averaging: a penalty on a player's parameters (`player.penalty`)
- one-sided label smoothing: the discriminator's target for real data (`pair.targets`)
- virtual batch norm: the generator's normalisation layers
- R1 and other terms of the discriminator's loss: `pair.penalties`
- augmentation: what the discriminator sees its images through
- packing: how `pair.generate` and the batches show images
"""

from collections.abc import Callable

import torch
from torch import Tensor

from improved_gan import distributed
from improved_gan.objective import Adversarial, Outputs, Reconstruction, Supervised
from improved_gan.training.batches import Batch
from improved_gan.training.gan import GAN, GeneratorLoss, Penalty, frozen, update, update_apart

Losses = dict[str, Tensor]


def discriminator_losses(pair: GAN, batch: Batch) -> Losses:
    """What the discriminator minimises ("discriminator_loss"), its terms, and how it sees real and generated images."""
    with torch.no_grad():
        fake_images = pair.generate(len(batch.real))
    return _discriminator_losses(pair, batch, fake_images, pair.discriminate(batch, fake_images))


def _discriminator_losses(pair: GAN, batch: Batch, fake_images: Tensor, outputs: list[Outputs]) -> Losses:
    objective = pair.objective
    assert isinstance(objective, Adversarial)
    real, fake, *labelled = outputs
    losses = {"adversarial_loss": objective.discriminator_loss(real, fake, pair.targets)}
    if objective.labelled_loss is not None:
        shown, labels = (labelled[0], batch.labels) if labelled else (real, batch.real_labels)
        assert labels is not None
        losses["labelled_loss"] = objective.labelled_loss(shown.logits, labels)
    inputs = pair.loss_inputs(batch.real, fake_images, real, fake)
    for name, penalty in pair.penalties.items():
        losses[name] = penalty(inputs)
    losses["discriminator_loss"] = torch.stack(list(losses.values())).sum()
    return losses | discriminator_statistics(objective, real.logits, fake.logits)


@torch.no_grad()
def discriminator_statistics(objective: Adversarial, real_logits: Tensor, fake_logits: Tensor) -> Losses:
    """The shares of reals and of generated images that are called real, and of both that are called rightly, 0..1.

    A critic, whose zero means nothing, is right about what it rates on the right side of the two batches' mean ratings.
    """
    real, fake = objective.real_score(real_logits), objective.real_score(fake_logits)
    boundary = 0.0 if objective.score_kind else distributed.averaged((real.mean() + fake.mean()) / 2)
    return {
        "real_classified_real": (real > 0).float().mean(),
        "fake_classified_real": (fake > 0).float().mean(),
        "discriminator_batch_accuracy": ((real > boundary).float().mean() + (fake <= boundary).float().mean()) / 2,
    }


def discriminator_step(pair: GAN, batch: Batch) -> Losses:
    """Update the discriminator once on the adversarial loss, plus the class loss if there are labels."""
    losses = discriminator_losses(pair, batch)
    if pair.balance.should_update_discriminator(losses["discriminator_batch_accuracy"]):
        pair.discriminator_player.update(losses["discriminator_loss"])
    return {name: value.detach() for name, value in losses.items()}


def supervised_step(pair: GAN, batch: Batch) -> Losses:
    """The baseline without a generator: the same discriminator, taught by the labels alone."""
    (labelled,) = pair.discriminator(batch.labelled)
    assert isinstance(pair.objective, Supervised) and batch.labels is not None
    loss = pair.objective.labelled_loss(labelled.logits, batch.labels)
    pair.discriminator_player.update(loss)
    return {"discriminator_loss": loss.detach(), "labelled_loss": loss.detach()}


def reconstruction_step(pair: GAN, batch: Batch) -> Losses:
    """The baselines without a game: the discriminator encodes, the generator decodes, both go down one loss."""
    objective, players = pair.objective, (pair.discriminator_player, pair.generator_player)
    assert isinstance(objective, Reconstruction)
    codes = pair.logits(batch.real)
    losses = objective.losses(batch.real, pair.generator(objective.latents(codes, True)), codes)
    loss = torch.stack(list(losses.values())).sum()
    update(loss, *players)
    return {name: value.detach() for name, value in (losses | {"loss": loss}).items()}


def generator_step(pair: GAN, real_images: Tensor | None, count: int | None = None) -> Losses:
    """Teach the generator; the discriminator's weights stay as they are and collect no gradient.

    `count` images (or packs) are generated; as many as there are reals, where it is not said.
    """
    if count is None:
        assert real_images is not None
        count = len(real_images)
    with frozen(pair.discriminator):
        loss = pair.generator_loss(pair, real_images, pair.generate(count))
        if pair.balance.should_update_generator():
            pair.generator_player.update(loss)
    return {"generator_loss": loss.detach()}


def simultaneous_step(pair: GAN, batch: Batch) -> Losses:
    """Update both players at once: both gradients are taken at the same weights, on one batch and one set of latents.

    As in the ImageNet release the two losses share one pass of the discriminator, unless a technique brings the
    generator a loss of its own, which looks again.
    """
    fake_images = pair.generate(len(batch.real))
    outputs = pair.discriminate(batch, fake_images)
    losses = _discriminator_losses(pair, batch, fake_images, outputs)
    if pair.generator_loss is own_generator_loss:
        losses["generator_loss"] = own_generator_loss(pair, batch.real, fake_images, outputs)
    else:
        losses["generator_loss"] = pair.generator_loss(pair, batch.real, fake_images)
    players = {"discriminator_loss": pair.discriminator_player, "generator_loss": pair.generator_player}
    moves = {
        "discriminator_loss": pair.balance.should_update_discriminator(losses["discriminator_batch_accuracy"]),
        "generator_loss": pair.balance.should_update_generator(),
    }
    update_apart([(losses[name], player) for name, player in players.items() if moves[name]])
    return {name: value.detach() for name, value in losses.items()}


def own_generator_loss(
    pair: GAN, real_images: Tensor | None, fake_images: Tensor, outputs: list[Outputs] | None = None
) -> Tensor:
    """The objective's own loss; the discriminator sees the reals again only where that matters.

    `outputs` are those for real and generated images, where it has seen both already.
    """
    objective, discriminator = pair.objective, pair.discriminator
    assert isinstance(objective, Adversarial)
    real: Outputs | None = None
    if outputs is not None:
        real, fake = outputs[:2]
    elif objective.generator_sees_reals or discriminator.couples_batches:
        assert real_images is not None
        real, fake = discriminator(real_images, fake_images)
    else:
        (fake,) = discriminator(fake_images)
    loss = objective.generator_loss(real, fake, pair.targets)
    inputs = pair.loss_inputs(real_images, fake_images, real, fake)
    return loss + sum(penalty(inputs) for penalty in pair.generator_penalties.values())


def loss_instead(technique: Penalty) -> GeneratorLoss:
    """A technique's loss in the stead of the objective's own."""

    def loss(pair: GAN, real_images: Tensor | None, fake_images: Tensor) -> Tensor:
        inputs = pair.loss_inputs(real_images, fake_images)
        return technique(inputs) + sum(penalty(inputs) for penalty in pair.generator_penalties.values())

    return loss


STEPS: dict[type, Callable[[GAN, Batch], Losses]] = {
    Adversarial: discriminator_step,
    Supervised: supervised_step,
    Reconstruction: reconstruction_step,
}


def step_of(pair: GAN, updates: str) -> Callable[[GAN, Batch], Losses]:
    """How the pair moves, once for each of `training.discriminator_steps`; `updates` is "simultaneous" or not."""
    return simultaneous_step if updates == "simultaneous" else STEPS[type(pair.objective)]
