"""The Wasserstein distance by a critic with a gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028, equation 3).

    D: E D(G(z)) - E D(x) + w E (|grad D(u x + (1 - u) G(z))| - 1)^2,  u ~ U(0, 1) for each pair        G: - E D(G(z))

The norm is Euclidean, over all pixels of an image. It wants a critic that judges images one by one: a batch norm is
refused. A minibatch layer is let through, as in Karras et al. 2017 (arXiv 1710.10196): the gradient is then that of
the batch's summed outputs.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.record import Adversarial
from improved_gan.objective.wasserstein import critic_loss, minus_score


def wasserstein_gp(config: ObjectiveConfig) -> Adversarial:
    """The critic's slope is drawn to 1 between real and generated images."""
    assert config.gradient_penalty is not None
    weight = config.gradient_penalty

    def penalty(
        discriminator: Callable[[Tensor], Tensor],
        real: Float[Tensor, "batch *image"],
        fake: Float[Tensor, "batch *image"],
    ) -> Float[Tensor, ""]:
        """The term with w in it; `discriminator` gives an image's logits, (batch, 1). Draws u from torch's state."""
        share = torch.rand(len(real), *[1] * (real.ndim - 1), dtype=real.dtype, device=real.device)
        between = (share * real + (1 - share) * fake).detach().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
        length = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()  # smooth at 0 too, which unrolling wants
        return weight * (length - 1).square().mean()

    return Adversarial(
        discriminator_loss=critic_loss(config.unlabelled_weight), generator_loss=minus_score, penalty=penalty
    )
