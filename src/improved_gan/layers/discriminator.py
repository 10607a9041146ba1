"""The discriminator: a trunk gives features, an optional minibatch layer sees each batch apart, a head gives logits."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.layers.products import full_precision
from improved_gan.tensors import Outputs

MinibatchLayerFactory = Callable[[int], nn.Module]
"""Makes the minibatch layer for that many features.

The layer is called with the features of each batch and returns them with each batch's closeness appended, a list of
(batch, out_features); the width is its attribute `out_features`.
"""


class Discriminator(nn.Module):
    """Judges several batches side by side, each on its own, in one joined pass."""

    couples_batches = False
    """Whether what one batch gets depends on the others; then the first must be real, the second generated."""

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        head: Callable[[int], nn.Module],
        minibatch_layer: MinibatchLayerFactory | None,
    ) -> None:
        """`trunk` maps images to (batch, features); `head(inputs)` makes the layers from there to the logits."""
        super().__init__()
        self.trunk = trunk
        self.minibatch_layer = minibatch_layer(features) if minibatch_layer is not None else None
        inputs = features if self.minibatch_layer is None else self.minibatch_layer.out_features
        assert isinstance(inputs, int)
        self.code_size = inputs  # of what the head sees
        self.head = head(inputs)

    def features(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Float[Tensor, "_ feature"]]:
        """The features of each batch; no layer of the trunk couples examples, so all go through it at once."""
        # Channels last: convolutions go back through them in three quarters of the time (CPU).
        images = _joined(batches).contiguous(memory_format=torch.channels_last)
        return self._apart(full_precision(self.trunk(images)), batches)

    def forward(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Outputs]:
        """Features and logits of each batch; the minibatch layer compares examples within a batch only."""
        features = self.features(*batches)
        closeness = features if self.minibatch_layer is None else self.minibatch_layer(*features)
        logits = self._apart(self.head(_joined(closeness)), batches)
        return [Outputs(*pair) for pair in zip(features, logits, strict=True)]

    @staticmethod
    def _apart(joined: Tensor, batches: Sequence[Tensor]) -> list[Tensor]:
        return list(joined.split([len(batch) for batch in batches]))


def _joined(batches: Sequence[Tensor]) -> Tensor:
    return batches[0] if len(batches) == 1 else torch.cat(list(batches))
