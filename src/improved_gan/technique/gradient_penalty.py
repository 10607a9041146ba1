"""The gradient penalty, a later rival (Gulrajani et al. 2017, arXiv 1704.00028, equation 3), on D's loss:

    w E (|grad D(u x + (1 - u) G(z))| - 1)^2,    u ~ U(0, 1) for each pair of a real and a generated image

D is the objective's real score, the norm Euclidean, over all pixels of an image: its norm is drawn to 1 between the
two. It wants a discriminator that judges images one by one: a batch norm is refused. A minibatch layer is let through,
as in Karras et al. 2017 (arXiv 1710.10196): the gradient is then that of the batch's summed outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import number
from improved_gan.technique import Technique
from improved_gan.tensors import LossInputs, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    weight: float = number(minimum=0)


def penalty(config: Config) -> Callable[[LossInputs], Tensor]:
    """The penalty on the discriminator's gradient between real and generated images."""

    def of(inputs: LossInputs) -> Tensor:
        assert inputs.real is not None
        return gradient_penalty(config.weight, inputs.score, inputs.real, inputs.fake)

    return of


def gradient_penalty(
    weight: float,
    real_score: Callable[[Tensor], Tensor],
    real: Float[Tensor, "batch *image"],
    fake: Float[Tensor, "batch *image"],
) -> Float[Tensor, ""]:
    """The term with w in it; `real_score` gives D of each image. Draws u from torch's state."""
    import torch

    from improved_gan import distributed

    count = distributed.shares() * len(real)
    share = distributed.own(torch.rand(count, *[1] * (real.ndim - 1), dtype=real.dtype, device=real.device))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(real_score(between).sum(), between, create_graph=True)
    length = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()  # smooth at 0 too, which unrolling wants
    return weight * (length - 1).square().mean()


TECHNIQUE = Technique(config=Config, penalty=penalty, differentiates_twice=True)
