"""Images (or points) from a trained generator: the same latents give the same, whatever else is going on."""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import torch
from jaxtyping import Float, Real, UInt8
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid
from tqdm import tqdm

from improved_gan import distributed
from improved_gan.files import atomic_write
from improved_gan.layers.virtual_batch_norm import VirtualBatchNormGenerator
from improved_gan.training.gan import GAN

FRAME_MS = 80  # of an animation


class Sampler:
    """Draws images of a pair's generator as bytes, or points as they are; by averaged weights where there are such.

    Batches are always full (`batch_size`), because a batch norm's images depend on the batch that they are drawn in:
    so image k is the same however many are asked for.
    """

    def __init__(self, pair: GAN, *, batch_size: int, offset: float, scale: float, as_bytes: bool = True) -> None:
        self.pair, self.batch_size, self.offset, self.scale = pair, batch_size, offset, scale
        self.finished = self._bytes if as_bytes else torch.Tensor.cpu

    def protocol(self, seed: int) -> dict[str, int]:
        """What the images of `sample(..., seed)` depend on beside the weights."""
        return {"seed": seed, "batch_size": self.batch_size}

    def sample(self, count: int, seed: int, *, shared: bool = False) -> Real[Tensor, "n channel height width"]:
        """`count` images of the latents that `seed` decides.

        `shared`: all processes of the run call this, each draws batches in turn, and the first gets all images.
        """
        source = torch.Generator().manual_seed(seed)
        batches = max(1, -(-count // self.batch_size))  # none of the images of one batch are an empty array
        latents = (self.pair.draw_latents(self.batch_size, source) for _ in range(batches))
        return self._drawn(latents, batches, shared)[:count]

    def images_of(self, latents: Float[Tensor, "n latent"]) -> Real[Tensor, "n channel height width"]:
        """The images of given latents; a last batch that is not full is filled up with repeated latents."""
        size = self.batch_size
        padded = latents[torch.arange(-(-len(latents) // size) * size) % len(latents)].split(size)
        return self._drawn(padded, len(padded))[: len(latents)]

    @torch.no_grad()
    def _drawn(
        self, latents: Iterable[Tensor], count: int, shared: bool = False
    ) -> Real[Tensor, "n channel height width"]:
        """The images of `count` full batches of latents, each asked for when its turn comes."""
        generator = self.pair.generator
        frozen = generator.freeze_reference() if isinstance(generator, VirtualBatchNormGenerator) else nullcontext()
        with self.pair.generator_player.averaged(), frozen:
            batches = tqdm(latents, total=count, desc="drawing samples", unit="batch", delay=1)
            if shared:
                return distributed.dealt(iter(batches), lambda batch: self.finished(generator(batch)))
            return torch.cat([self.finished(generator(batch)) for batch in batches])

    def _bytes(self, images: Tensor) -> UInt8[Tensor, "n channel height width"]:
        return (images * self.scale + self.offset).round().clamp(0, 255).to(torch.uint8).cpu()


def save_grid(images: UInt8[Tensor, "n channel height width"], path: Path, columns: int) -> None:
    """Write images as one PNG, `columns` in a row."""
    with atomic_write(path) as file:
        grid_picture(images, columns).save(file, format="png")


def save_animation(frames: Iterable[UInt8[Tensor, "n channel height width"]], path: Path, columns: int) -> None:
    """Write a GIF that repeats, a grid of `columns` in a row for each frame."""
    first, *others = (grid_picture(images, columns) for images in frames)
    with atomic_write(path) as file:
        first.save(file, format="gif", save_all=True, append_images=others, duration=FRAME_MS, loop=0)


def grid_picture(images: UInt8[Tensor, "n channel height width"], columns: int) -> Image.Image:
    """Images side by side, `columns` in a row; small ones are enlarged until a person can see them."""
    enlargement = max(1, 48 // images.shape[-1])
    large = images.repeat_interleave(enlargement, dim=-1).repeat_interleave(enlargement, dim=-2)
    grid = make_grid(large, nrow=columns, padding=2, pad_value=128)
    return Image.fromarray(grid.permute(1, 2, 0).numpy())
