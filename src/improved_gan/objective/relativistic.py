"""The relativistic pairing game (RpGAN: Jolicoeur-Martineau 2018, arXiv 1807.00734; arXiv 2501.05441).

With x and G(z) paired as they come in the batch,

    D: E softplus(D(G(z)) - D(x))        G: E softplus(D(x) - D(G(z)))

Only the difference of two images' outputs means something; there is no target to smooth.
"""

from jaxtyping import Float

from improved_gan.objective.record import (
    NO_LABELS,
    Adversarial,
    Config,
    ObjectiveRecord,
    Outputs,
    Targets,
    first_output,
)
from improved_gan.tensors import Tensor


def relativistic(config: Config) -> Adversarial:
    """Each generated image is to look more real than the real one beside it, and the other way round."""

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return config.unlabelled_weight * paired_loss(first_output(real.logits), first_output(fake.logits))

    return Adversarial(discriminator_loss=discriminator_loss, generator_loss=_generator_loss, generator_sees_reals=True)


def paired_loss(higher: Float[Tensor, " batch"], lower: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean of softplus(lower - higher): small where each of `higher` is above its partner."""
    from torch.nn.functional import softplus

    return softplus(lower - higher).mean()


def _generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    assert real is not None
    return paired_loss(first_output(fake.logits), first_output(real.logits))


OBJECTIVE = ObjectiveRecord(build=relativistic, check=NO_LABELS)
