"""The game with the non-saturating generator loss: the generator minimises -E log D(G(z)) = E softplus(-l)."""

from improved_gan.objective.binary_cross_entropy import binary_cross_entropy
from improved_gan.objective.record import Adversarial, Config, ObjectiveRecord, Outputs, Targets, first_output, wants
from improved_gan.objective.two_class import two_class
from improved_gan.tensors import Tensor


def non_saturating(config: Config) -> Adversarial:
    """The generator's gradient stays large while the discriminator is sure of itself."""
    return two_class(config, _generator_loss)


def _generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    return binary_cross_entropy(first_output(fake.logits), targets.generator)


OBJECTIVE = ObjectiveRecord(
    build=non_saturating, check=wants(generator_loss=("non_saturating",), labelled_weight=(0,)), has_targets=True
)
