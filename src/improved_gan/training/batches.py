"""The images of each step, decided by the seed and the step number alone: nothing to save, nothing to lose on resume.

The authors' recipe: the unlabelled set is the whole training set, reshuffled every epoch; the generator's reals come
from a second, independently shuffled copy; labelled images repeat as freshly shuffled copies.
"""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from torch import Tensor

from improved_gan import distributed
from improved_gan.technique.packing import pack

IMAGES_FOR_INITIALISATION = 500


def full_batches(count: int, size: int) -> Iterator[tuple[slice, int]]:
    """Slices of `size` that cover `count` images, and how many at the end of each are new.

    As in the authors' code, the last overlaps the one before: none is short, whatever sees its images beside others.
    """
    for start in range(0, count, size):
        end = min(start + size, count)
        yield slice(max(end - size, 0), end), end - start


class Batch(NamedTuple):
    """What one discriminator update sees of the data."""

    real: Float[Tensor, "batch channel height width"]
    real_labels: Int[Tensor, " batch"] | None
    labelled: Float[Tensor, "batch channel height width"] | None
    labels: Int[Tensor, " batch"] | None


class Images:
    """A set of images that batches are drawn from by index: on the device whole if it fits, else streamed to it.

    `pixels` may be memory-mapped. `image = (byte - offset) / scale`; points are numbers of offset 0 and scale 1.
    """

    def __init__(
        self,
        pixels: Real[np.ndarray, "n channel height width"],
        labels: Int[np.ndarray, " n"] | None,
        *,
        offset: float,
        scale: float,
        device: torch.device,
    ) -> None:
        self.offset, self.scale, self.device = offset, scale, device
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # and nothing writes to it
            self.pixels = torch.from_numpy(pixels)
        self.labels = None if labels is None else torch.from_numpy(np.ascontiguousarray(labels)).to(device)
        if device.type == "cuda" and self.pixels.nbytes < torch.cuda.mem_get_info(device)[0] / 2:
            self.pixels = self.pixels.to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, indices: Int[Tensor, " batch"]) -> Float[Tensor, "batch channel height width"]:
        """The images at `indices`, scaled, on the device."""
        chosen = self.pixels.index_select(0, indices.to(self.pixels.device))  # copies whole images, unlike [indices]
        return (
            chosen.to(self.device, non_blocking=True).to(torch.get_default_dtype()).sub_(self.offset).div_(self.scale)
        )

    def take_labels(self, indices: Int[Tensor, " batch"]) -> Int[Tensor, " batch"] | None:
        """The labels at `indices`; none if the set has none."""
        return None if self.labels is None else self.labels[indices.to(self.device)]


class Shuffle:
    """An endless walk through `indices`, reshuffled at every pass; position k depends on the seed and k alone.

    A pass's order is made on the CPU, the same for every device, and moved to `device` once: its batches lie there.
    """

    def __init__(self, indices: Int[Tensor, " n"], seed: int, stream: int, device: torch.device | str = "cpu") -> None:
        self.indices, self.seed, self.stream, self.device = indices, seed, stream, device
        self._pass = -1
        self._order = indices

    def batch(self, number: int, size: int) -> Int[Tensor, " batch"]:
        """The indices of batch `number`, counted from 0; it may span two passes."""
        start, length = number * size, len(self.indices)
        chosen = []
        while size:
            order, offset = self._order_of(start // length), start % length
            part = order[offset : offset + size]
            chosen.append(part)
            start, size = start + len(part), size - len(part)
        return torch.cat(chosen)

    def _order_of(self, number: int) -> Int[Tensor, " n"]:
        if number != self._pass:
            seeds = np.random.SeedSequence([self.seed, self.stream, number]).generate_state(1, np.uint64)
            generator = torch.Generator().manual_seed(int(seeds[0]) >> 1)
            order = self.indices[torch.randperm(len(self.indices), generator=generator)]
            self._pass, self._order = number, order.to(self.device)
        return self._order


class Batches:
    """The batches of a run: labelled, unlabelled, and the generator's own reals."""

    def __init__(
        self,
        images: Images,
        unlabelled: Int[Tensor, " n"],
        labelled: Int[Tensor, " m"] | None,
        *,
        size: int,
        seed: int,
        pack: int = 1,
    ) -> None:
        """`size` images a batch; reals come as the discriminator sees them, `pack` at once (technique/packing.py)."""
        self.images, self.size, self.pack = images, size, pack
        where = images.pixels.device
        self._real = Shuffle(unlabelled, seed, stream=0, device=where)
        self._generator_real = Shuffle(unlabelled, seed, stream=1, device=where)
        self._labelled = None if labelled is None else Shuffle(labelled, seed, stream=2, device=where)

    def for_discriminator(self, number: int) -> Batch:
        """What the discriminator's update `number` sees."""
        real = distributed.own(self._real.batch(number, self.size))
        labelled = None if self._labelled is None else distributed.own(self._labelled.batch(number, self.size))
        return Batch(
            real=pack(self.images.take(real), self.pack),
            real_labels=self.images.take_labels(real),
            labelled=None if labelled is None else self.images.take(labelled),
            labels=None if labelled is None else self.images.take_labels(labelled),
        )

    def for_generator(self, number: int) -> Float[Tensor, "batch channel height width"]:
        """The real images that the generator's update `number` is compared with."""
        return pack(self.images.take(distributed.own(self._generator_real.batch(number, self.size))), self.pack)

    def first(self, which: str) -> Float[Tensor, "batch channel height width"]:
        """The first 500 images of the walk that data-dependent initialisation looks at, "labelled" or "unlabelled"."""
        walk = self._labelled if which == "labelled" and self._labelled is not None else self._real
        return pack(self.images.take(walk.batch(0, IMAGES_FOR_INITIALISATION)), self.pack)
