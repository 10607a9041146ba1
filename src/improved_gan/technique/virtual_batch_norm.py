"""Virtual batch norm (section 3.4): the generator's examples are normalised by a reference batch chosen once.

For an example x beside n reference examples, a channel at a time, with own weight a = 1 / (n + 1):

    mean = a E[x] + (1 - a) E[reference],    mean square = a E[x^2] + (1 - a) E[reference^2]
    y = (x - mean) / sqrt(mean square - mean^2 + epsilon) [* scale] + shift

The reference batch is normalised by its own statistics alone. It passes through the current generator in every
forward pass, gradient included. An example's output depends on no other example of its batch. The layer:
`layers/virtual_batch_norm.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from omegaconf import MISSING

from improved_gan.schema import number
from improved_gan.technique import Technique
from improved_gan.tensors import Module, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    reference_size: int = number(minimum=2, maximum=10_000)


def generator_normalisation(config: Config) -> Callable[..., Module]:
    """The layer that takes the place of batch norm."""
    from improved_gan.layers.virtual_batch_norm import VirtualBatchNorm

    return partial(VirtualBatchNorm, reference_size=config.reference_size)


def generator(config: Config, network: Module, draw_latents: Callable[[int], Tensor]) -> Module:
    """The generator with reference latents of its own."""
    from improved_gan.layers.virtual_batch_norm import VirtualBatchNormGenerator

    return VirtualBatchNormGenerator(network, draw_latents(config.reference_size))


TECHNIQUE = Technique(config=Config, generator_normalisation=generator_normalisation, generator=generator)
