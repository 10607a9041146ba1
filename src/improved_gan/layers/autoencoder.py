"""A discriminator that judges an image by how well it can reconstruct it, made of a pair's two networks."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.layers.discriminator import Discriminator
from improved_gan.tensors import Outputs


class AutoencodingDiscriminator(Discriminator):
    """D(x) = mean over pixels of (x - decoder(code))^2; the code is what the encoder's head was to see.

    What disturbs the encoder (noise, dropout) makes this a denoising autoencoder. Each batch is decoded apart, because
    the decoder normalises over a batch.
    """

    def __init__(self, encoder: Discriminator, decoder: Callable[[int], nn.Module]) -> None:
        """`decoder(size)` maps codes of that many numbers to images; the encoder's own head is dropped."""
        nn.Module.__init__(self)
        self.encoder = encoder
        encoder.head = nn.Identity()
        self.decoder = decoder(encoder.code_size)

    def features(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Float[Tensor, "_ feature"]]:
        """The features of each batch: the code, where there is no minibatch layer."""
        return self.encoder.features(*batches)

    def forward(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Outputs]:
        """Features and energies of each batch."""
        return [
            Outputs(features, (images - self.decoder(code)).square().flatten(1).mean(1, keepdim=True))
            for images, (features, code) in zip(batches, self.encoder(*batches), strict=True)
        ]
