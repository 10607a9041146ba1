"""The energy-based game (Zhao et al. 2016, arXiv 1609.03126, equations 1 to 4): the discriminator is an autoencoder.

D(x) is the mean squared error of its reconstruction of x, an energy: low on the data. With margin m,

    D: E D(x) + E relu(m - D(G(z)))        G: E D(G(z))

The features are the code. The pulling-away term is a technique, which the objective's YAML switches on.
"""

from dataclasses import dataclass

from improved_gan.objective import record
from improved_gan.objective.record import NO_LABELS, Adversarial, ObjectiveRecord, Outputs, Targets
from improved_gan.schema import number
from improved_gan.tensors import Tensor


@dataclass
class Config(record.Config):
    margin: float = number(above=0, neutral=None)  # energy that generated images are pushed up to


def energy_based(config: Config) -> Adversarial:
    """The one logit is the energy; there is no target to smooth. `margin` is in squared units of the scaled images.

    The real score m / 2 - D(x) is positive where the energy is nearer to 0 than to the margin.
    """
    from torch.nn.functional import relu

    margin = config.margin

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return config.unlabelled_weight * (real.logits.mean() + relu(margin - fake.logits).mean())

    def generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
        return fake.logits.mean()

    return Adversarial(
        discriminator_loss=discriminator_loss,
        generator_loss=generator_loss,
        real_score=lambda logits: margin / 2 - logits[:, 0],
        score_kind="sign",
        discriminator_decodes=True,
    )


OBJECTIVE = ObjectiveRecord(build=energy_based, check=NO_LABELS, config=Config, decodes=True)
