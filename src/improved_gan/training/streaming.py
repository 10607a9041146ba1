"""Images that are read from disk while the step before is taken: of a set larger than memory, or than the device.

Read by position instead of through a memory map, so that what a process holds does not grow with what it has seen.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

STREAMED_FROM = 2**28  # bytes; smaller sets stay in memory once they have been read
READY = 2  # batches that are read before they are asked for
ANNOUNCED = 8  # batches that the disk is told of


def is_on_disk(pixels: np.ndarray) -> bool:
    """Whether the array is a file's, and as large as to be streamed."""
    return isinstance(pixels, np.memmap) and pixels.nbytes >= STREAMED_FROM and pixels.flags.c_contiguous


class ImageFile:
    """The rows of a memory-mapped array, read by position into memory of their own."""

    def __init__(self, pixels: np.ndarray, *, pinned: bool = False) -> None:
        """`pinned`: read into memory that a GPU copies from beside its work."""
        assert isinstance(pixels, np.memmap)
        self.shape, self.pinned = pixels.shape[1:], pinned
        self.dtype = torch.from_numpy(np.empty(0, pixels.dtype)).dtype
        self.row_bytes, self.offset = pixels.nbytes // len(pixels), pixels.offset
        self._file = open(str(pixels.filename), "rb", buffering=0)  # noqa: SIM115 as long as this object

    def read(self, indices: Sequence[int]) -> Shaped[Tensor, "batch channel height width"]:
        """The rows at `indices`, in their order; raises `OSError` where the file has become shorter."""
        rows = torch.empty(len(indices), *self.shape, dtype=self.dtype, pin_memory=self.pinned)
        memory = rows.numpy().reshape(-1).view(np.uint8).data
        for place, index in enumerate(indices):
            row = memory[place * self.row_bytes : (place + 1) * self.row_bytes]
            start = self.offset + index * self.row_bytes
            while row:
                done = os.preadv(self._file.fileno(), [row], start)
                if not done:
                    raise OSError(f"{self._file.name}: is shorter than it was")
                row, start = row[done:], start + done
        return rows

    def announce(self, indices: Sequence[int]) -> None:
        """Tell the operating system, where it listens, that these rows will be read."""
        if hasattr(os, "posix_fadvise"):
            for index in indices:
                start = self.offset + index * self.row_bytes
                os.posix_fadvise(self._file.fileno(), start, self.row_bytes, os.POSIX_FADV_WILLNEED)


class ReadAhead:
    """The batches of one walk through an `ImageFile`, asked for by number; those that follow are read meanwhile."""

    def __init__(self, file: ImageFile, indices_of: Callable[[int], Int[Tensor, " batch"]]) -> None:
        self.file, self.indices_of = file, indices_of
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._known: dict[int, Int[Tensor, " batch"]] = {}  # by the numbers of the batches to come
        self._coming: dict[int, Future[Tensor]] = {}

    def batch(self, number: int) -> tuple[Int[Tensor, " batch"], Shaped[Tensor, "batch channel height width"]]:
        """The indices and the images of batch `number`, whichever was asked for before."""
        if number not in self._coming:  # the first, or the walk goes on elsewhere
            for future in self._coming.values():
                future.cancel()
            self._known, self._coming = {}, {}
        for coming in range(number, number + ANNOUNCED + 1):
            if coming not in self._known:  # each once and in order: a walk remembers the order of one pass
                self._known[coming] = self.indices_of(coming)
                if coming > number + READY:
                    self._reader.submit(self.file.announce, self._known[coming].tolist())
            if coming <= number + READY and coming not in self._coming:
                self._coming[coming] = self._reader.submit(self.file.read, self._known[coming].tolist())
        return self._known.pop(number), self._coming.pop(number).result()
