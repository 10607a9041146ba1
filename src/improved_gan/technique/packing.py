"""Packing, a later rival (PacGAN: Lin et al. 2017, arXiv 1712.04086): the discriminator judges m images at once.

D(x_1, ..., x_m) sees the images of a pack, all real or all generated, concatenated over channels. A generator without
variety makes packs without variety, which a single image does not show.
"""

from jaxtyping import Float
from torch import Tensor


def pack(
    images: Float[Tensor, "batch channel height width"], samples: int
) -> Float[Tensor, "pack channels height width"]:
    """Each `samples` images in a row as one with as many times the channels; what fills no pack is dropped."""
    whole = images[: len(images) // samples * samples]
    return whole.reshape(-1, samples * images.shape[1], *images.shape[2:])
