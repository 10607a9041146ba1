"""The minimax game of section 2: the generator minimises E log(1 - D(G(z))) = -E softplus(l)."""

from torch import Tensor

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.binary_cross_entropy import saturating_loss
from improved_gan.objective.record import Adversarial, Outputs, Targets, first_output
from improved_gan.objective.two_class import two_class


def minimax(config: ObjectiveConfig) -> Adversarial:
    """The generator's gradient vanishes where the discriminator is sure of itself; it has no other target than 1."""
    return two_class(config, _generator_loss)


def _generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    return saturating_loss(first_output(fake.logits))
