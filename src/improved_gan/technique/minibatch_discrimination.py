"""Minibatch discrimination (section 3.2): the discriminator sees how close an example is to the others of its batch.

With features f(x_i) in R^A and a trained T in R^(A x B x C):

    M_i = f(x_i) T                              in R^(B x C): B kernels of C dims
    c_b(x_i, x_j) = exp(-||M_i,b - M_j,b||_1)
    o(x_i)_b = sum_j c_b(x_i, x_j)              appended to f(x_i)

Real and generated batches are compared apart. The authors' code leaves j = i out (which takes 1 from each sum),
normalises T over its inputs with a trained log-scale, and adds a bias. The layer:
`layers/minibatch_discrimination.py`; the sums and their gradient: `kernels/minibatch_features.py`.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from improved_gan.schema import UsageError, number, one_of
from improved_gan.technique import Technique
from improved_gan.tensors import Module


@dataclass
class Config:
    enabled: bool = MISSING
    kernels: int = number(minimum=1, maximum=4096)
    dims: int = number(minimum=1, maximum=4096)
    include_self: bool = MISSING
    normalised_projection: bool = MISSING
    initial_scale: str = one_of("nearest", "mean", neutral="nearest")  # the distance that it is set from
    bias: bool = MISSING
    across_batches: bool = MISSING  # the ImageNet model's form: reals and generated images compared with both


def check(config: Config, run: Any) -> None:
    """The form across batches has no second derivatives."""
    if config.across_batches and run.differentiates_twice():
        raise UsageError(
            "technique.minibatch_discrimination.across_batches=true: has no second derivatives, which a gradient "
            "penalty or unrolling takes; set it to false"
        )


def discriminator_layer(config: Config, features: int) -> Module:
    """The layer in the authors', the paper's or the ImageNet model's form."""
    from improved_gan.layers.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination

    if config.across_batches:
        return JointMinibatchDiscrimination(features, kernels=config.kernels, dims=config.dims)
    return MinibatchDiscrimination(
        features,
        kernels=config.kernels,
        dims=config.dims,
        include_self=config.include_self,
        normalised_projection=config.normalised_projection,
        initial_scale=config.initial_scale,
        bias=config.bias,
    )


TECHNIQUE = Technique(config=Config, check=check, discriminator_layer=discriminator_layer)
