"""The variational autoencoder (Kingma and Welling 2013, arXiv 1312.6114, equation 10), a contrast outside GANs.

The encoder (the discriminator) gives mean mu and log variance of q(z|x) = N(mu, diag(exp log_variance)), the decoder
(the generator) the mean of p(x|z) = N(G(z), s^2 I). Both minimise, in nats an image and up to a constant,

    E_x [ |x - G(mu + exp(log_variance / 2) e)|^2 / (2 s^2) + 1/2 sum(mu^2 + exp log_variance - 1 - log_variance) ]

with e ~ N(0, I). Samples are G of N(0, I). A Gaussian around each image prefers the mean of what is likely: it blurs.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.objective.reconstruction import Reconstruction


@dataclass(frozen=True)
class VAE(Reconstruction):
    """Two outputs for each of the decoder's latent dims."""

    pixel_deviation: float  # s, in units of the scaled images

    def code_size(self, latent_size: int) -> int:
        """A mean and a log variance for each."""
        return 2 * latent_size

    def latents(self, codes: Float[Tensor, "batch code"], draw: bool) -> Float[Tensor, "batch latent"]:
        """The mean; if to `draw`, a fresh draw from q(z|x)."""
        mean, log_variance = codes.chunk(2, dim=1)
        return mean + (log_variance / 2).exp() * torch.randn_like(mean) if draw else mean

    def losses(
        self,
        images: Float[Tensor, "batch *image"],
        reconstructions: Float[Tensor, "batch *image"],
        codes: Float[Tensor, "batch code"],
    ) -> dict[str, Float[Tensor, ""]]:
        """The two terms, in nats an image."""
        mean, log_variance = codes.chunk(2, dim=1)
        errors = (images - reconstructions).square().flatten(1).sum(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return {
            "reconstruction_loss": errors.mean() / (2 * self.pixel_deviation**2),
            "divergence_loss": divergence.mean(),
        }
