"""The minimax game of section 2: the generator minimises E log(1 - D(G(z))) = -E softplus(l)."""

from improved_gan.objective.binary_cross_entropy import saturating_loss
from improved_gan.objective.record import Adversarial, Config, ObjectiveRecord, Outputs, Targets, first_output, wants
from improved_gan.objective.two_class import two_class
from improved_gan.tensors import Tensor


def minimax(config: Config) -> Adversarial:
    """The generator's gradient vanishes where the discriminator is sure of itself; it has no other target than 1."""
    return two_class(config, _generator_loss)


def _generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    return saturating_loss(first_output(fake.logits))


OBJECTIVE = ObjectiveRecord(
    build=minimax, check=wants(generator_loss=("saturating",), labelled_weight=(0,)), has_targets=True
)
