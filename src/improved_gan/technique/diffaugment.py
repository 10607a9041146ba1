"""Differentiable augmentation, a later rival (Zhao et al. 2020, arXiv 2006.10738, equations 4 and 5).

The discriminator sees real and generated images through one random, differentiable T, in both players' losses:

    D: f_D(-D(T(x))) + f_D(D(T(G(z))))        G: f_G(-D(T(G(z))))

T, drawn anew for each image: its color (brightness + U(-.5, .5), then saturation times U(0, 2), then contrast times
U(.5, 1.5)), a translation by up to an eighth of its sides, filled with zeros, and a cutout, a square of half its side
set to zero. The shares are those of the authors' code, for images in [-1, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import UsageError, one_of
from improved_gan.technique import Technique
from improved_gan.tensors import Tensor

Images = Float[Tensor, "batch channel height width"]


@dataclass
class Config:
    enabled: bool = MISSING
    policy: list[str] = one_of("color", "translation", "cutout")


def check(config: Config, run: Any) -> None:
    """Images, and something to do to them."""
    if run.dataset.holds_points:
        raise UsageError("technique.diffaugment.enabled=true: not supported with points; set it to false")
    if not config.policy:
        raise UsageError("technique.diffaugment.policy=[]: has no effect; name color, translation or cutout")


def discriminator_input(config: Config) -> Callable[[Images], Images]:
    """The chosen parts of T, in the order of the authors' code."""
    parts = [part for name, part in AUGMENTATIONS.items() if name in config.policy]

    def augment(images: Images) -> Images:
        for part in parts:
            images = part(images)
        return images

    return augment


def recolored(images: Images) -> Images:
    """Brightness, saturation and contrast of each image changed at random."""
    import torch

    from improved_gan import distributed

    def uniform() -> Tensor:
        count = distributed.shares() * len(images)
        return distributed.own(torch.rand(count, 1, 1, 1, device=images.device, dtype=images.dtype))

    images = images + uniform() - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * 2 * uniform()
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (uniform() + 0.5)


def translated(images: Images) -> Images:
    """Each image moved by up to an eighth of its sides."""
    height, width = images.shape[2:]
    return shifted(images, int(height / 8 + 0.5), int(width / 8 + 0.5))


def shifted(images: Images, down: int, right: int) -> Images:
    """Each image moved by whole pixels at random, up to `down` and `right` in both directions, zeros moving in."""
    import torch
    from torch.nn.functional import pad

    from improved_gan import distributed

    (count, _, height, width), device = images.shape, images.device
    drawn = (distributed.shares() * count, 1, 1)
    first_row = distributed.own(torch.randint(0, 2 * down + 1, drawn, device=device))
    first_column = distributed.own(torch.randint(0, 2 * right + 1, drawn, device=device))
    rows = torch.arange(height, device=device).view(1, -1, 1) + first_row
    columns = torch.arange(width, device=device).view(1, 1, -1) + first_column
    example = torch.arange(count, device=device).view(-1, 1, 1)
    padded = pad(images, (right, right, down, down)).movedim(1, -1)
    return padded[example, rows, columns].movedim(-1, 1)


def cut_out(images: Images) -> Images:
    """Each image with a square of half its side, or what of it lies inside, set to zero."""
    import torch

    from improved_gan import distributed

    (count, _, *sides), device = images.shape, images.device
    inside = torch.ones(count, 1, 1, 1, dtype=torch.bool, device=device)
    for axis, side in enumerate(sides, start=2):
        size = int(side / 2 + 0.5)
        drawn = torch.randint(0, side + 1 - size % 2, (distributed.shares() * count, 1), device=device)
        start = distributed.own(drawn) - size // 2
        place = torch.arange(side, device=device)
        cut = (place >= start) & (place < start + size)
        inside = inside & cut.view(count, 1, *((side, 1) if axis == 2 else (1, side)))
    return images * ~inside


AUGMENTATIONS = {"color": recolored, "translation": translated, "cutout": cut_out}

TECHNIQUE = Technique(config=Config, check=check, discriminator_input=discriminator_input)
