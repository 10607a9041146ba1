"""`training.coupling_size`: what couples a batch does so within consecutive groups, each as if it were alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from improved_gan import distributed
from improved_gan.layers.batch_norm import BatchNorm
from improved_gan.layers.imagenet import HalfRealHalfGeneratedBatchNorm
from improved_gan.layers.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.layers.minibatch_stddev import MinibatchStddev
from improved_gan.objective.autoencoder import autoencoder
from improved_gan.objective.record import Config
from improved_gan.technique.feature_matching import feature_matching_loss
from improved_gan.technique.pulling_away import pulling_away_term

BATCH, GROUPS = 12, 3
SIZE = BATCH // GROUPS


def half_and_half() -> Callable[..., list[Tensor]]:
    norm = HalfRealHalfGeneratedBatchNorm(6)

    def apply(real: Tensor, fake: Tensor) -> list[Tensor]:
        joined: Tensor = norm(torch.cat([real, fake]), slice(0, len(real)), slice(len(real), 2 * len(real)))
        return list(joined.split(len(real)))

    return apply


def standardised_code() -> Callable[..., list[Tensor]]:
    latents = autoencoder(Config()).latents
    return lambda real, fake: [latents(real, True), latents(fake, True)]


def plain_batch_norm() -> Callable[..., list[Tensor]]:
    norm = BatchNorm(6)
    return lambda real, fake: [norm(real), norm(fake)]


LAYERS = {
    "minibatch discrimination": lambda: MinibatchDiscrimination(6, 3, 2, False, True, True),
    "across batches": lambda: JointMinibatchDiscrimination(6, 3, 2),
    "minibatch stddev": lambda: MinibatchStddev(6),
    "batch norm": plain_batch_norm,
    "half and half": half_and_half,
    "code": standardised_code,
}


def batches() -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    scale = torch.arange(1.0, BATCH + 1)[:, None]  # so that groups differ
    return scale * torch.randn(BATCH, 6, generator=source), scale * torch.randn(BATCH, 6, generator=source)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_makes_of_each_group_what_it_makes_of_a_batch_that_small(name: str) -> None:
    torch.manual_seed(0)
    layer, both = LAYERS[name](), batches()
    alone = [layer(*parts) for parts in zip(*(batch.split(SIZE) for batch in both), strict=True)]
    with distributed.sharded(BATCH, GROUPS):
        made = layer(*both)
    for number, joined in enumerate(made):
        torch.testing.assert_close(joined, torch.cat([group[number] for group in alone]))
    assert not torch.allclose(made[0], layer(*both)[0])  # which couples all twelve


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "feature matching": lambda real, fake: feature_matching_loss(real, fake, "squared"),
    "pulling-away term": lambda real, fake: pulling_away_term(1.0, fake),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_the_batch_is_the_mean_over_its_groups(name: str) -> None:
    loss, both = LOSSES[name], batches()
    alone = [loss(*parts) for parts in zip(*(batch.split(SIZE) for batch in both), strict=True)]
    with distributed.sharded(BATCH, GROUPS):
        made = loss(*both)
    torch.testing.assert_close(made, torch.stack(alone).mean())
    assert not torch.allclose(made, loss(*both))
