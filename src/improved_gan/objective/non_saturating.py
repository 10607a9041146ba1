"""The game with the non-saturating generator loss: the generator minimises -E log D(G(z)) = E softplus(-l)."""

from torch import Tensor

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.binary_cross_entropy import binary_cross_entropy
from improved_gan.objective.record import Adversarial, Outputs, Targets, first_output
from improved_gan.objective.two_class import two_class


def non_saturating(config: ObjectiveConfig) -> Adversarial:
    """The generator's gradient stays large while the discriminator is sure of itself."""
    return two_class(config, _generator_loss)


def _generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    return binary_cross_entropy(first_output(fake.logits), targets.generator)
