"""A discriminator that sees its images through something while it trains, such as an augmentation."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.layers.discriminator import Discriminator
from improved_gan.tensors import Outputs


class SeenThrough(Discriminator):
    """`network`, shown `transform` of each batch; while it judges, the images as they are."""

    def __init__(self, network: Discriminator, transform: Callable[[Tensor], Tensor]) -> None:
        nn.Module.__init__(self)
        self.network, self.transform = network, transform
        self.couples_batches = network.couples_batches

    def features(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Float[Tensor, "_ feature"]]:
        """The features of what is seen of each batch."""
        return self.network.features(*self._seen(batches))

    def forward(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Outputs]:
        """Features and logits of what is seen of each batch."""
        outputs: list[Outputs] = self.network(*self._seen(batches))
        return outputs

    def _seen(self, batches: Sequence[Tensor]) -> list[Tensor]:
        return [self.transform(batch) for batch in batches] if self.training else list(batches)
