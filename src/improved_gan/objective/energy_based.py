"""The energy-based game (Zhao et al. 2016, arXiv 1609.03126, equations 1 to 4): the discriminator is an autoencoder.

D(x) is the mean squared error of its reconstruction of x, an energy: low on the data. With margin m, weight w and the
code s of each of N generated images,

    D: E D(x) + E relu(m - D(G(z)))        G: E D(G(z)) + w PT
    PT = 1 / (N (N - 1)) sum_i sum_{j != i} (s_i . s_j / (|s_i| |s_j|))^2

The pulling-away term keeps the codes of a batch from pointing one way. The features are the code.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.record import Adversarial, Outputs, Targets


def energy_based(config: ObjectiveConfig) -> Adversarial:
    """The one logit is the energy; there is no target to smooth. `margin` is in squared units of the scaled images.

    The real score m / 2 - D(x) is positive where the energy is nearer to 0 than to the margin.
    """
    assert config.margin is not None and config.pulling_away is not None
    margin, pulling_away = config.margin, config.pulling_away

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        return config.unlabelled_weight * (real.logits.mean() + relu(margin - fake.logits).mean())

    def generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
        return fake.logits.mean() + pulling_away_term(pulling_away, fake.features)

    return Adversarial(
        discriminator_loss=discriminator_loss,
        generator_loss=generator_loss,
        real_score=lambda logits: margin / 2 - logits[:, 0],
        score_kind="sign",
        discriminator_decodes=True,
    )


def pulling_away_term(weight: float, codes: Float[Tensor, "batch feature"]) -> Float[Tensor, ""]:
    """w PT of the generated images' codes; at least 2 of them."""
    count = len(codes)
    directions = normalize(codes, dim=1)
    cosines = directions @ directions.T
    others = cosines.square().sum() - cosines.diagonal().square().sum()
    return weight * others / (count * (count - 1))
