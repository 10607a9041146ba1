"""The R2 penalty, a later rival (Mescheder et al. 2018, arXiv 1801.04406, equation 10), on the discriminator's loss:

    gamma / 2 E |grad D(G(z))|^2    over generated images, the gradient that of D with respect to the image,

R1's counterpart: together they keep the discriminator flat on both sides (arXiv 2501.05441).
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from improved_gan.technique.r1 import r1_penalty


def r2_penalty(
    weight: float, realness: Callable[[Tensor], Tensor], fake: Float[Tensor, "batch *image"]
) -> Float[Tensor, ""]:
    """The penalty; `weight` is gamma, `realness` gives the logit of each image."""
    return r1_penalty(weight, realness, fake)
