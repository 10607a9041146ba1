"""Historical averaging (section 3.3): each player's loss gains || theta - (1/t) sum_{i=1..t} theta[i] ||^2.

The mean includes the current point, and is a constant for the gradient, which is therefore 2 (theta - mean). The
running mean: `layers/historical_average.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from improved_gan.schema import number
from improved_gan.technique import Technique
from improved_gan.tensors import Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    weight: float = number(minimum=0)
    generator_weight: float = number(minimum=0)
    discriminator_weight: float = number(minimum=0)


def parameter_penalty(config: Config, player: str, parameters: Iterable[Tensor]) -> Any:
    """The weighted distance of one player's parameters to their mean, a `HistoricalAverage`."""
    from improved_gan.layers.historical_average import HistoricalAverage

    weight = config.generator_weight if player == "generator" else config.discriminator_weight
    return HistoricalAverage(parameters, weight)


TECHNIQUE = Technique(config=Config, parameter_penalty=parameter_penalty)
