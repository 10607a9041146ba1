"""The layer of minibatch standard deviation, whose equation opens technique/minibatch_stddev.py."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan import distributed


class MinibatchStddev(nn.Module):
    """Appends each batch's mean standard deviation to the features of its examples."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.out_features = in_features + 1

    def forward(self, *features: Float[Tensor, "_ feature"]) -> list[Float[Tensor, "_ out"]]:
        """Each batch with its own standard deviation appended."""
        return [distributed.in_groups(self._with_deviation, batch)[0] for batch in features]

    @staticmethod
    def _with_deviation(batch: Float[Tensor, "batch feature"]) -> list[Float[Tensor, "batch out"]]:
        alone = distributed.partners() == 1
        variance = batch.var(0, correction=0) if alone else distributed.var_mean(batch, [0])[0]
        std = (variance + 1e-8).sqrt().mean()
        return [torch.cat([batch, std.expand(len(batch), 1)], dim=1)]
