"""Balanced consistency regularisation, bCR, a later rival (Zhao et al. 2020, arXiv 2002.04724, algorithm 1).

The discriminator's loss gains, with T a random flip and shift of each image,

    w_real E (D(x) - D(T(x)))^2 + w_fake E (D(G(z)) - D(T(G(z))))^2

D is the objective's real score. Unlike differentiable augmentation, T is seen by the penalty alone: generated images
are not drawn to what T makes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import UsageError, number
from improved_gan.technique import Technique
from improved_gan.technique.diffaugment import shifted
from improved_gan.tensors import LossInputs, Outputs, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    real_weight: float = number(minimum=0)
    fake_weight: float = number(minimum=0)
    shift: int = number(minimum=0)  # pixels, the most in each direction
    flip: bool = MISSING  # left and right, half of the images


def check(config: Config, run: Any) -> None:
    """Images, and something to do to them."""
    if run.dataset.holds_points:
        raise UsageError("technique.consistency.enabled=true: not supported with points; set it to false")
    if config.shift == 0 and not config.flip:
        raise UsageError("technique.consistency.shift=0: has no effect with flip=false; set it to at least 1")


def penalty(config: Config) -> Callable[[LossInputs], Tensor]:
    """The term with both weights in it."""

    def of(inputs: LossInputs) -> Tensor:
        assert inputs.real is not None
        of_real = _difference(inputs, inputs.real, inputs.real_outputs)
        of_fake = _difference(inputs, inputs.fake, inputs.fake_outputs)
        return config.real_weight * of_real + config.fake_weight * of_fake

    def _difference(inputs: LossInputs, images: Tensor, outputs: Outputs | None) -> Tensor:
        before = inputs.score(images) if outputs is None else inputs.real_score(outputs.logits)
        return (before - inputs.score(augmented(images, config.shift, config.flip))).square().mean()

    return of


def augmented(
    images: Float[Tensor, "batch channel height width"], shift: int, flip: bool
) -> Float[Tensor, "batch channel height width"]:
    """T of each image, drawn from torch's state."""
    import torch

    from improved_gan import distributed

    if flip:
        count = distributed.shares() * len(images)
        flipped = distributed.own(torch.rand(count, 1, 1, 1, device=images.device)) < 0.5
        images = torch.where(flipped, images.flip(3), images)
    return shifted(images, shift, shift)


TECHNIQUE = Technique(config=Config, check=check, penalty=penalty)
