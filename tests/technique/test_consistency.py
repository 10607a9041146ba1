"""Balanced consistency regularisation against its formula."""

import torch
from torch import Tensor

from improved_gan.technique import consistency
from improved_gan.tensors import LossInputs, Outputs


def images(count: int = 64, channels: int = 3, side: int = 8) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, side, side, dtype=torch.float64, generator=source) + 1  # no pixel is 0


def test_consistency_is_its_formula() -> None:
    source = torch.Generator().manual_seed(1)
    weights = torch.randn(3 * 8 * 8, dtype=torch.float64, generator=source).requires_grad_()

    def discriminator(*batches: Tensor) -> list[Outputs]:
        return [Outputs(batch.flatten(1), (batch.flatten(1) @ weights)[:, None]) for batch in batches]

    real, fake = images(5), images(4) + 0.5
    inputs = LossInputs(discriminator=discriminator, real_score=lambda logits: logits[:, 0], real=real, fake=fake)
    config = consistency.Config(enabled=True, real_weight=3.0, fake_weight=2.0, shift=1, flip=True)
    torch.manual_seed(7)
    penalty = consistency.penalty(config)(inputs)
    torch.manual_seed(7)
    seen = [consistency.augmented(batch, 1, True) for batch in (real, fake)]
    expected = sum(
        weight * sum(((a - b).flatten() @ weights) ** 2 for a, b in zip(batch, augmented, strict=True)) / len(batch)
        for weight, batch, augmented in zip((3.0, 2.0), (real, fake), seen, strict=True)
    )
    torch.testing.assert_close(penalty, expected)
    (found,), (wanted,) = (torch.autograd.grad(value, weights) for value in (penalty, expected))
    torch.testing.assert_close(found, wanted)
    judged = LossInputs(
        discriminator=discriminator,
        real_score=inputs.real_score,
        real=real,
        fake=fake,
        real_outputs=discriminator(real)[0],
        fake_outputs=discriminator(fake)[0],
    )
    torch.manual_seed(7)
    torch.testing.assert_close(consistency.penalty(config)(judged), penalty)


def test_half_of_the_images_are_flipped() -> None:
    torch.manual_seed(0)
    before = images()
    after = consistency.augmented(before, 0, True)
    flips = [torch.equal(b, a.flip(2)) for b, a in zip(before, after, strict=True)]
    assert 16 < sum(flips) < 48
    assert all(torch.equal(b, a) for b, a, flip in zip(before, after, flips, strict=True) if not flip)
