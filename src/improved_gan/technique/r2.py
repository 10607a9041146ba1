"""The R2 penalty, a later rival (Mescheder et al. 2018, arXiv 1801.04406, equation 10), on the discriminator's loss:

    gamma / 2 E |grad D(G(z))|^2    over generated images, the gradient that of D with respect to the image,

R1's counterpart: together they keep the discriminator flat on both sides (arXiv 2501.05441).
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import number
from improved_gan.technique import Technique
from improved_gan.technique.r1 import r1_penalty
from improved_gan.tensors import LossInputs, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    weight: float = number(minimum=0)


def penalty(config: Config) -> Callable[[LossInputs], Tensor]:
    """The penalty on the discriminator's gradient on generated images."""
    return lambda inputs: r2_penalty(config.weight, inputs.score, inputs.fake)


def r2_penalty(
    weight: float, real_score: Callable[[Tensor], Tensor], fake: Float[Tensor, "batch *image"]
) -> Float[Tensor, ""]:
    """The penalty; `weight` is gamma, `real_score` gives the logit of each image."""
    return r1_penalty(weight, real_score, fake)


TECHNIQUE = Technique(config=Config, penalty=penalty, differentiates_twice=True)
