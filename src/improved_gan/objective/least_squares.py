"""Least squares (Mao et al. 2016, arXiv 1611.04076, equation 9 with a = 0, b = c = 1).

    D: 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2        G: 1/2 E (D(G(z)) - c)^2

The best discriminator is p_data / (p_data + p_model), as in section 2, but D is the output itself, not its sigmoid.
Label smoothing moves b (and a), or c.
"""

from improved_gan.objective.record import NO_LABELS, Adversarial, Config, ObjectiveRecord, Outputs, Targets
from improved_gan.tensors import Tensor


def least_squares(config: Config) -> Adversarial:
    """Squared distances to the targets; D(x) - 1/2 is positive where D is nearer to 1 than to 0."""

    def half_square(outputs: Outputs, target: float) -> Tensor:
        return (outputs.logits - target).square().mean() / 2

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return config.unlabelled_weight * (half_square(real, targets.real) + half_square(fake, targets.fake))

    def generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
        return half_square(fake, targets.generator)

    return Adversarial(
        discriminator_loss=discriminator_loss,
        generator_loss=generator_loss,
        real_score=lambda logits: logits[:, 0] - 0.5,
        score_kind="sign",
    )


OBJECTIVE = ObjectiveRecord(build=least_squares, check=NO_LABELS, has_targets=True)
