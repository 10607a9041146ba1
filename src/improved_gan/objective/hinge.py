"""The hinge loss (Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16 and 17).

D: E relu(1 - D(x)) + E relu(1 + D(G(z)))        G: - E D(G(z))
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from improved_gan.objective.one_logit import OneLogit
from improved_gan.objective.protocol import Realness


@dataclass(frozen=True)
class Hinge(OneLogit):
    """Examples beyond the margin of 1 teach the discriminator nothing more; there is no target to smooth."""

    realness_is: ClassVar[Realness] = "sign"

    def real_loss(self, logits: Float[Tensor, "real 1"], target: float) -> Float[Tensor, ""]:
        """Mean of relu(1 - l)."""
        assert target == 1
        return relu(1 - logits).mean()

    def fake_loss(self, logits: Float[Tensor, "fake 1"], target: float) -> Float[Tensor, ""]:
        """Mean of relu(1 + l)."""
        assert target == 0
        return relu(1 + logits).mean()

    def generator_loss(self, fake_logits: Float[Tensor, "batch 1"], target: float = 1.0) -> Float[Tensor, ""]:
        """- E l_fake."""
        assert target == 1
        return -fake_logits.mean()
