"""Differentiable augmentation: every move by hand, and both players see it."""

import pytest
import torch
from torch import Tensor

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.technique.diffaugment import Config, cut_out, discriminator_input, recolored, shifted, translated
from improved_gan.training.builder import build_gan


def images(count: int = 64, channels: int = 3, side: int = 8) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, side, side, dtype=torch.float64, generator=source) + 1  # no pixel is 0


def moved(image: Tensor, down: int, right: int) -> Tensor:
    """Pixel by pixel; zeros come in from outside."""
    found = torch.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                found[:, row, column] = image[:, row + down, column + right]
    return found


def test_a_shift_moves_each_image_by_whole_pixels_and_every_move_occurs() -> None:
    torch.manual_seed(0)
    seen = set()
    for before, after in zip(images(), shifted(images(), 1, 2), strict=True):
        fits = [(d, r) for d in (-1, 0, 1) for r in range(-2, 3) if torch.equal(moved(before, d, r), after)]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) == 15


def test_a_translation_is_a_shift_by_up_to_an_eighth() -> None:
    torch.manual_seed(0)
    for before, after in zip(images(), translated(images()), strict=True):
        assert any(torch.equal(moved(before, d, r), after) for d in (-1, 0, 1) for r in (-1, 0, 1))


def test_a_cutout_zeroes_a_square_of_half_the_side_or_what_of_it_is_inside() -> None:
    torch.manual_seed(0)
    cut = cut_out(images()) == 0
    assert (cut == cut[:, :1]).all()
    for hole in cut[:, 0]:
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert hole.sum() == len(rows) * len(columns)  # a rectangle, without gaps
        assert rows[-1] - rows[0] + 1 == len(rows) and columns[-1] - columns[0] + 1 == len(columns)
        assert 2 <= len(rows) <= 4 and 2 <= len(columns) <= 4
    sizes = cut[:, 0].sum((1, 2))
    assert sizes.max() == 16 and (cut_out(images()) != images()).any()


def test_color_shifts_and_scales_around_an_images_means() -> None:
    torch.manual_seed(0)
    before, after = images(), recolored(images())
    shift = after.mean((1, 2, 3)) - before.mean((1, 2, 3))
    assert shift.abs().max() <= 0.5 and shift.std() > 0.2  # brightness alone moves the mean
    grey_before, grey_after = (x.mean(1) - x.mean((1, 2, 3))[:, None, None] for x in (before, after))
    contrast = (grey_after / grey_before).flatten(1)
    torch.testing.assert_close(contrast, contrast[:, :1].expand_as(contrast))
    assert contrast.min() >= 0.5 and contrast.max() <= 1.5


def test_both_players_see_the_augmentation_and_the_generator_has_its_gradient() -> None:
    augment = discriminator_input(Config(enabled=True, policy=["color", "translation", "cutout"]))
    given = images(4).requires_grad_()
    torch.manual_seed(0)
    (slope,) = torch.autograd.grad(augment(given).square().sum(), given)
    assert slope.abs().sum() > 0
    overrides = ["technique=none", "objective=hinge", "architecture.width=8", "technique.diffaugment.enabled=true"]
    pair = build_gan(compose_jobs(overrides)[0].config, 10, torch.device("cpu"))
    real = torch.rand(6, 1, 8, 8)
    pair.discriminator.eval()
    assert torch.equal(pair.logits(real), pair.logits(real))
    pair.discriminator.train()
    torch.manual_seed(0)
    trained = pair.logits(real)
    pair.discriminator.eval()
    assert not torch.allclose(trained, pair.logits(real))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["technique.diffaugment.policy=[]"], "technique.diffaugment.policy=\\[\\]: has no effect"),
        (["technique.diffaugment.policy=[hue]"], "must be one of color, translation, cutout"),
        (["dataset=ring", "objective=non_saturating"], "not supported with points"),
    ],
)
def test_what_augments_nothing_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compose_jobs(["technique=none", "technique.diffaugment.enabled=true", *overrides])
