"""The generator's contract, and the opening and upsampling layers that the convolutional generators share."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.layers.products import ConvTranspose2d, Linear

Normalisation = Callable[..., nn.Module]
"""Makes a normalisation layer, called as `normalisation(channels, epsilon=1e-6, scale=False)`.

The layer takes (batch, channel) and (batch, channel, height, width), always has a trained shift and, if asked, a
trained parameter `scale` that starts at 1.
"""

WEIGHT_STD = 0.05  # the authors' N(0, 0.05) of every convolutional network but ImageNet's


class Generator(nn.Module):
    """Latents to images; a latent vector holds all noise that an image needs, so images follow from latents alone."""

    def __init__(self, latent_size: int, layers: nn.Module) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.layers = layers

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """An image for each latent vector."""
        return self.layers(latents)


def projection(
    latent_size: int,
    channels: int,
    side: int,
    normalisation: Normalisation,
    first_normalisation: str | None,
) -> nn.Sequential:
    """Dense layer, normalisation and ReLU to (batch, channels, side, side).

    The authors' batch norm works on each unit, before the reshape; virtual batch norm on each channel, after it.
    """
    units = channels * side * side
    dense = Linear(latent_size, units, bias=False)
    nn.init.normal_(dense.weight, std=WEIGHT_STD)
    reshape = nn.Unflatten(1, (channels, side, side))
    if first_normalisation == "per_unit":
        return nn.Sequential(dense, normalisation(units), nn.ReLU(), reshape)
    assert first_normalisation == "per_channel", first_normalisation
    return nn.Sequential(dense, reshape, normalisation(channels), nn.ReLU())


def upsampling(inputs: int, outputs: int, normalisation: Normalisation) -> nn.Sequential:
    """5x5 stride-2 transposed convolution without bias (side n to 2n), normalisation, ReLU."""
    convolution = ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1, bias=False)
    nn.init.normal_(convolution.weight, std=WEIGHT_STD)
    return nn.Sequential(convolution, normalisation(outputs), nn.ReLU())
