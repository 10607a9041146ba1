"""The Wasserstein distance by a critic (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1).

    D: E D(G(z)) - E D(x)        G: - E D(G(z))

The critic's steepness is bounded by a technique that the objective's YAML switches on: weight clipping, or for
objective=wasserstein_gp the gradient penalty. Its loss is minus an estimate of the distance, up to the factor that its
steepness gives. Its zero means nothing, so neither does the share of images that it calls real.
"""

from collections.abc import Callable

from improved_gan.objective.record import NO_LABELS, Adversarial, Config, ObjectiveRecord, Outputs, Targets
from improved_gan.tensors import Tensor


def wasserstein(config: Config) -> Adversarial:
    """The difference of the critic's means; there is no target to smooth."""
    return Adversarial(discriminator_loss=critic_loss(config.unlabelled_weight), generator_loss=minus_score)


def critic_loss(weight: float) -> Callable[[Outputs, Outputs, Targets], Tensor]:
    """The critic's loss: `weight` (E D(G(z)) - E D(x))."""

    def loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return weight * (-real.logits.mean() + fake.logits.mean())

    return loss


def minus_score(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
    """The generator's loss: - E D(G(z))."""
    return -fake.logits.mean()


OBJECTIVE = ObjectiveRecord(build=wasserstein, check=NO_LABELS)
