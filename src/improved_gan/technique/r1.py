"""The R1 penalty, a later rival (Mescheder et al. 2018, arXiv 1801.04406, equation 9), on the discriminator's loss:

    gamma / 2 E_x |grad_x D(x)|^2    over real x,

with D the logit: where the generator has reached the data, a discriminator with a gradient there has to pay for it.
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
    """The penalty on the discriminator's gradient on real images."""

    def of(inputs: LossInputs) -> Tensor:
        assert inputs.real is not None
        return r1_penalty(config.weight, inputs.score, inputs.real)

    return of


def r1_penalty(
    weight: float, real_score: Callable[[Tensor], Tensor], real: Float[Tensor, "batch *image"]
) -> Float[Tensor, ""]:
    """The penalty; `weight` is gamma, `real_score` gives the logit of each image."""
    import torch

    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(real_score(real).sum(), real, create_graph=True)
    return weight / 2 * gradient.square().flatten(1).sum(1).mean()


TECHNIQUE = Technique(config=Config, penalty=penalty, differentiates_twice=True)
