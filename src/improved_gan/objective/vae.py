"""The variational autoencoder (Kingma and Welling 2013, arXiv 1312.6114, equation 10), a contrast outside GANs.

The encoder (the discriminator) gives mean mu and log variance of q(z|x) = N(mu, diag(exp log_variance)), the decoder
(the generator) the mean of p(x|z) = N(G(z), s^2 I). Both minimise, in nats an image and up to a constant,

    E_x [ |x - G(mu + exp(log_variance / 2) e)|^2 / (2 s^2) + 1/2 sum(mu^2 + exp log_variance - 1 - log_variance) ]

with e ~ N(0, I). Samples are G of N(0, I). A Gaussian around each image prefers the mean of what is likely: it blurs.
"""

from dataclasses import dataclass

from jaxtyping import Float

from improved_gan.objective import record
from improved_gan.objective.record import ObjectiveRecord, Reconstruction, wants
from improved_gan.schema import number
from improved_gan.tensors import Tensor


@dataclass
class Config(record.Config):
    decoder_std: float = number(above=0, neutral=None)  # of p(x|z), in units of the scaled images


def vae(config: Config) -> Reconstruction:
    """Two outputs for each of the decoder's latent dims; `decoder_std` is s, in units of the scaled images."""
    std = config.decoder_std

    def losses(
        images: Float[Tensor, "batch *image"],
        reconstructions: Float[Tensor, "batch *image"],
        codes: Float[Tensor, "batch code"],
    ) -> dict[str, Float[Tensor, ""]]:
        """The two terms, in nats an image."""
        mean, log_variance = codes.chunk(2, dim=1)
        errors = (images - reconstructions).square().flatten(1).sum(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return {"reconstruction_loss": errors.mean() / (2 * std**2), "divergence_loss": divergence.mean()}

    return Reconstruction(code_size=lambda latent_size: 2 * latent_size, latents=_latents, losses=losses)


def _latents(codes: Float[Tensor, "batch code"], draw: bool) -> Float[Tensor, "batch latent"]:
    """The mean; if to `draw`, a fresh draw from q(z|x)."""
    from improved_gan import distributed

    mean, log_variance = codes.chunk(2, dim=1)
    if not draw:
        return mean
    noise = distributed.own(distributed.whole_like(mean.new_empty(mean.shape)).normal_())
    return mean + (log_variance / 2).exp() * noise


OBJECTIVE = ObjectiveRecord(
    build=vae,
    check=wants(generator_loss=(None,), labelled_weight=(0,), unlabelled_weight=(0,)),
    config=Config,
    kind=Reconstruction,
    decodes=True,
)
