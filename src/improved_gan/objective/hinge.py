"""The hinge loss (Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16 and 17).

D: E relu(1 - D(x)) + E relu(1 + D(G(z)))        G: - E D(G(z))
"""

from improved_gan.objective.record import NO_LABELS, Adversarial, Config, ObjectiveRecord, Outputs, Targets
from improved_gan.tensors import Tensor


def hinge(config: Config) -> Adversarial:
    """Examples beyond the margin of 1 teach the discriminator nothing more; there is no target to smooth."""
    from torch.nn.functional import relu

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return config.unlabelled_weight * (relu(1 - real.logits).mean() + relu(1 + fake.logits).mean())

    def generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
        return -fake.logits.mean()

    return Adversarial(discriminator_loss=discriminator_loss, generator_loss=generator_loss, score_kind="sign")


OBJECTIVE = ObjectiveRecord(build=hinge, check=NO_LABELS)
