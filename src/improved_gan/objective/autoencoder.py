"""The plain autoencoder, a contrast outside GANs: encoder E (the discriminator) and decoder G (the generator) minimise

    E_x mean over pixels (x - G(e(x)))^2,   e(x) = (E(x) - mean) / sqrt(variance + 1e-6)

with mean and variance of each of the code's dims over the batch. Standardising takes no information from the code: it
only gives it the scale of the N(0, I) that samples are drawn from. Nothing else makes it follow that distribution.
"""

from jaxtyping import Float

from improved_gan.objective.record import Config, ObjectiveRecord, Reconstruction, wants
from improved_gan.tensors import Tensor


def autoencoder(config: Config) -> Reconstruction:
    """One output for each of the decoder's latent dims."""
    return Reconstruction(code_size=lambda latent_size: latent_size, latents=_latents, losses=_losses)


def _latents(codes: Float[Tensor, "batch latent"], draw: bool) -> Float[Tensor, "batch latent"]:
    """The standardised code, drawn or not."""
    from improved_gan import distributed

    def standardised(codes: Tensor) -> list[Tensor]:
        variance, mean = distributed.var_mean(codes, [0])
        return [(codes - mean) * (variance + 1e-6).rsqrt()]

    return distributed.in_groups(standardised, codes)[0]


def _losses(
    images: Float[Tensor, "batch *image"],
    reconstructions: Float[Tensor, "batch *image"],
    codes: Float[Tensor, "batch latent"],
) -> dict[str, Float[Tensor, ""]]:
    """The mean squared error."""
    return {"reconstruction_loss": (images - reconstructions).square().mean()}


OBJECTIVE = ObjectiveRecord(
    build=autoencoder,
    check=wants(generator_loss=(None,), labelled_weight=(0,), unlabelled_weight=(0,)),
    kind=Reconstruction,
    decodes=True,
)
