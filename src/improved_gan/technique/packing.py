"""Packing, a later rival (PacGAN: Lin et al. 2017, arXiv 1712.04086): the discriminator judges m images at once.

D(x_1, ..., x_m) sees the images of a pack, all real or all generated, concatenated over channels. A generator without
variety makes packs without variety, which a single image does not show.
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import UsageError, number
from improved_gan.technique import Technique
from improved_gan.tensors import Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    pack_size: int = number(minimum=2)


def check(config: Config, run: Any) -> None:
    """No labels, and batches that are whole packs."""
    if run.objective.labelled_weight > 0:
        raise UsageError(
            "technique.packing.enabled=true: not supported with labels; set it to false or set "
            "objective.labelled_weight=0"
        )
    size = run.training.batch_size
    if size % config.pack_size or size < 2 * config.pack_size:
        raise UsageError(
            f"training.batch_size={size}: must be a multiple of technique.packing.pack_size={config.pack_size} "
            "and at least twice as many"
        )


def pack(
    images: Float[Tensor, "batch channel height width"], samples: int
) -> Float[Tensor, "pack channels height width"]:
    """Each `samples` images in a row as one with as many times the channels; what fills no pack is dropped."""
    whole = images[: len(images) // samples * samples]
    return whole.reshape(-1, samples * images.shape[1], *images.shape[2:])


TECHNIQUE = Technique(config=Config, check=check, pack=lambda config: config.pack_size)
