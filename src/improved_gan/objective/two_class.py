"""What the objectives of section 2 share: one logit l, D = sigmoid(l), and the discriminator's cross-entropy."""

from collections.abc import Callable

from improved_gan.objective.binary_cross_entropy import binary_cross_entropy
from improved_gan.objective.record import Adversarial, Config, Outputs, Targets, first_output
from improved_gan.tensors import Tensor


def two_class(config: Config, generator_loss: Callable[[Outputs | None, Outputs, Targets], Tensor]) -> Adversarial:
    """The discriminator minimises unlabelled_weight (- E log D(x) - E log(1 - D(G(z)))), the generator its own loss."""

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        of_real = binary_cross_entropy(first_output(real.logits), targets.real)
        of_fake = binary_cross_entropy(first_output(fake.logits), targets.fake)
        return config.unlabelled_weight * (of_real + of_fake)

    return Adversarial(discriminator_loss=discriminator_loss, generator_loss=generator_loss, score_kind="logit")
