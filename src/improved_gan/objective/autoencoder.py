"""The plain autoencoder, a contrast outside GANs: encoder E (the discriminator) and decoder G (the generator) minimise

    E_x mean over pixels (x - G(e(x)))^2,   e(x) = (E(x) - mean) / sqrt(variance + 1e-6)

with mean and variance of each of the code's dims over the batch. Standardising takes no information from the code: it
only gives it the scale of the N(0, I) that samples are drawn from. Nothing else makes it follow that distribution.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.reconstruction import Reconstruction


@dataclass(frozen=True)
class Autoencoder(Reconstruction):
    """One output for each of the decoder's latent dims."""

    def code_size(self, latent_size: int) -> int:
        """As many outputs as latents."""
        return latent_size

    def latents(self, codes: Float[Tensor, "batch latent"], draw: bool) -> Float[Tensor, "batch latent"]:
        """The standardised code, drawn or not."""
        variance, mean = torch.var_mean(codes, 0, correction=0)
        return (codes - mean) * (variance + 1e-6).rsqrt()

    def losses(
        self,
        images: Float[Tensor, "batch *image"],
        reconstructions: Float[Tensor, "batch *image"],
        codes: Float[Tensor, "batch latent"],
    ) -> dict[str, Float[Tensor, ""]]:
        """The mean squared error."""
        return {"reconstruction_loss": (images - reconstructions).square().mean()}
