"""The pulling-away term, a later rival (Zhao et al. 2016, arXiv 1609.03126, equation 4), on the generator's loss:

    w / (N (N - 1)) sum_i sum_{j != i} (s_i . s_j / (|s_i| |s_j|))^2

with s_i the discriminator's features of the i-th of N generated images: with objective=energy_based, the code. It keeps
the codes of a batch from pointing one way.
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


def generator_penalty(config: Config) -> Callable[[LossInputs], Tensor]:
    """The term, of the features that the discriminator has found already, or finds now."""

    def of(inputs: LossInputs) -> Tensor:
        if inputs.fake_outputs is not None:
            return pulling_away_term(config.weight, inputs.fake_outputs.features)
        (features,) = inputs.discriminator.features(inputs.fake)
        return pulling_away_term(config.weight, features)

    return of


def pulling_away_term(weight: float, codes: Float[Tensor, "batch feature"]) -> Float[Tensor, ""]:
    """The term with w in it, of the generated images' codes; at least 2 of them."""
    import torch
    from torch.nn.functional import normalize

    from improved_gan.distributed import gathered, groups

    def of_group(codes: Tensor) -> Tensor:
        codes = gathered(codes)
        count = len(codes)
        directions = normalize(codes, dim=1)
        cosines = directions @ directions.T
        others = cosines.square().sum() - cosines.diagonal().square().sum()
        return weight * others / (count * (count - 1))

    return torch.stack([of_group(group) for group in groups(codes)]).mean()


TECHNIQUE = Technique(config=Config, generator_penalty=generator_penalty, couples_batch=True)
