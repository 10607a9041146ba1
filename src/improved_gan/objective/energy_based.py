"""The energy-based game (Zhao et al. 2016, arXiv 1609.03126, equations 1 to 4): the discriminator is an autoencoder.

D(x) is the mean squared error of its reconstruction of x, an energy: low on the data. With margin m, weight w and the
code s of each of N generated images,

    D: E D(x) + E relu(m - D(G(z)))        G: E D(G(z)) + w PT
    PT = 1 / (N (N - 1)) sum_i sum_{j != i} (s_i . s_j / (|s_i| |s_j|))^2

The pulling-away term keeps the codes of a batch from pointing one way. The features are the code.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu

from improved_gan.objective.one_logit import OneLogit
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class EnergyBased(OneLogit):
    """The one logit is the energy; there is no target to smooth."""

    margin: float  # m, in squared units of the scaled images
    pulling_away: float  # w

    realness_is: ClassVar[Realness] = "sign"

    def realness(self, logits: Float[Tensor, "batch 1"]) -> Float[Tensor, " batch"]:
        """m / 2 - D(x): positive where the energy is nearer to 0 than to the margin."""
        return self.margin / 2 - logits[:, 0]

    def real_loss(self, logits: Float[Tensor, "real 1"], target: float) -> Float[Tensor, ""]:
        """Mean energy."""
        assert target == 1
        return logits.mean()

    def fake_loss(self, logits: Float[Tensor, "fake 1"], target: float) -> Float[Tensor, ""]:
        """Mean of what the energies lack to the margin."""
        assert target == 0
        return relu(self.margin - logits).mean()

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """Mean energy."""
        assert target == 1
        return fake_logits.mean()

    def feature_penalty(self, fake_features: Float[Tensor, "batch feature"]) -> Float[Tensor, ""]:
        """w PT of the generated images' codes; at least 2 of them."""
        count = len(fake_features)
        directions = normalize(fake_features, dim=1)
        cosines = directions @ directions.T
        others = cosines.square().sum() - cosines.diagonal().square().sum()
        return self.pulling_away * others / (count * (count - 1))
