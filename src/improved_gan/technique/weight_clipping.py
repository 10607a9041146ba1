"""Weight clipping, a later rival (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1):

    theta_D <- clip(theta_D, -c, c)    after each step of the discriminator, for every trained parameter

Of a weight-normalised layer that is its direction v, whose rows the norm bounds anyway, its bias, and its gain where it
is trained.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from omegaconf import MISSING

from improved_gan.schema import number
from improved_gan.technique import Technique
from improved_gan.tensors import Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    limit: float = number(above=0)


def constraint(config: Config) -> Callable[[Iterable[Tensor]], None]:
    """Clips the parameters to [-limit, limit] in place."""

    def clip(parameters: Iterable[Tensor]) -> None:
        import torch

        with torch.no_grad():
            for parameter in parameters:
                parameter.clamp_(-config.limit, config.limit)

    return clip


TECHNIQUE = Technique(config=Config, constraint=constraint)
