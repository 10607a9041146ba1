"""Convolutions by Winograd's minimal filtering F(4 x 4, 3 x 3): Lavin and Gray 2015, arXiv 1509.09308, section 4.

A tile of 4 x 4 outputs takes 36 products for each pair of channels, where the sum written out takes 144:

    Y = A^T [sum over channels of (G w G^T) * (B^T d B)] A,    d: the tile's 6 x 6 inputs, *: element by element

and the gradients go back through the same transforms. On flattened tiles a transform is a matrix (B^T kron B^T and so
on), so that all there is are matrix products; the batch goes through them in parts that stay in the cache. Rounding
leaves some 1e-5 of the largest output, ten times what the direct sum in fp32 does.

A transposed convolution of 5 x 5 taps and stride 2 is four such convolutions of the same inputs, one for each phase of
the outputs: along one side, output 2q + r (r: 0 or 1) is the sum over j = 0, 1, 2 of input q + j - 1 times tap
4 - 2j + r, where there is no tap 5.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

FEWEST_CHANNELS = 96  # with fewer the transforms cost more than the products that they save
PART = 2**20  # numbers in a part's transformed tiles: 4 MB, or as many as there are in the transformed weights


def winograd_is_faster(x: Tensor, weight: Tensor, stride: int, padding: int) -> bool:
    """Whether `winograd_convolution` can do this convolution, and in less time than the direct sum."""
    outputs, inputs, *kernel = weight.shape
    return kernel == [3, 3] and (stride, padding) == (1, 1) and _pays(x, inputs, outputs)


def pays_transposed(x: Tensor, weight: Tensor, stride: int, padding: int, output_padding: int) -> bool:
    """Whether `winograd_transposed_convolution` can do this one, and in less time than the direct sum."""
    inputs, outputs, *kernel = weight.shape
    return kernel == [5, 5] and (stride, padding, output_padding) == (2, 2, 1) and _pays(x, inputs, 4 * outputs)


def _pays(x: Tensor, inputs: int, outputs: int) -> bool:
    sides_fit = x.shape[2] % 4 == 0 and x.shape[3] % 4 == 0
    return x.is_cpu and x.dtype == torch.float32 and sides_fit and min(inputs, outputs) >= FEWEST_CHANNELS


def winograd_convolution(
    x: Float[Tensor, "batch input height width"],
    weight: Float[Tensor, "output input 3 3"],
    bias: Float[Tensor, " output"] | None,
) -> Float[Tensor, "batch output height width"]:
    """The convolution of stride 1 and padding 1, channels last; height and width are multiples of 4."""
    y: Tensor = _Winograd.apply(x, weight.permute(2, 3, 1, 0), bias)
    return y


def winograd_transposed_convolution(
    x: Float[Tensor, "batch input height width"],
    weight: Float[Tensor, "input output 5 5"],
    bias: Float[Tensor, " output"] | None,
) -> Float[Tensor, "batch output 2*height 2*width"]:
    """That of stride 2, padding 2 and output padding 1, channels last; height and width are multiples of 4."""
    y: Tensor = _Winograd.apply(x, weight.permute(2, 3, 0, 1), bias)
    return y


def _direct(x: Tensor, taps: Float[Tensor, "kernel kernel input output"]) -> Tensor:
    """The same by the sum written out."""
    if len(taps) == 3:
        return functional.conv2d(x, taps.permute(3, 2, 0, 1), padding=1)
    return functional.conv_transpose2d(x, taps.permute(2, 3, 0, 1), stride=2, padding=2, output_padding=1)


@cache
def _transforms(dtype: torch.dtype) -> tuple[Float[Tensor, "36 36"], Float[Tensor, "16 36"]]:
    """B^T kron B^T and A^T kron A^T."""
    b = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]]
    b += [[0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
    a = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    of_inputs, of_outputs = (torch.tensor(matrix, dtype=dtype) for matrix in (b, a))
    return torch.kron(of_inputs, of_inputs), torch.kron(of_outputs, of_outputs)


@cache
def _weight_transforms(kernel: int, dtype: torch.dtype) -> Float[Tensor, "rows taps"]:
    """G kron G, on the taps that each phase takes, one phase below the other: one for 3 x 3 taps, four for 5 x 5."""
    rows = [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6]]
    rows += [[1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
    g = torch.tensor(rows, dtype=dtype)
    if kernel == 3:
        return torch.kron(g, g)
    phases = g.new_zeros(2, 6, 6)
    for r in (0, 1):
        for j in (0, 1, 2):
            phases[r, :, 4 - 2 * j + r] = g[:, j]
    return torch.cat([torch.kron(phases[r, :, :5], phases[s, :, :5]) for r in (0, 1) for s in (0, 1)])


def _transformed_weights(taps: Float[Tensor, "kernel kernel input output"]) -> Float[Tensor, "phase 36 input output"]:
    kernel, _, inputs, outputs = taps.shape
    flat = taps.reshape(kernel * kernel, -1)
    return (_weight_transforms(kernel, taps.dtype) @ flat).view(-1, 36, inputs, outputs)


def _parts(x: Tensor, weights: Float[Tensor, "phase 36 input output"]) -> Iterator[slice]:
    """Slices of the batch that go through together."""
    batch, channels, height, width = x.shape
    size = max(1, max(PART, weights.numel()) // (36 * channels * (height // 4) * (width // 4)))
    for start in range(0, batch, size):
        yield slice(start, start + size)


def _transformed_tiles(x: Float[Tensor, "part height width channel"]) -> Float[Tensor, "36 tile channel"]:
    """B^T d B of every tile; the tiles overlap by 2."""
    padded = functional.pad(x, (0, 0, 1, 1, 1, 1))
    part, height, width, channels = x.shape
    image, row, column, channel = padded.stride()
    shape, strides = (6, 6, part, height // 4, width // 4, channels), (row, column, image, 4 * row, 4 * column, channel)
    of_inputs, _ = _transforms(x.dtype)
    return (of_inputs @ padded.as_strided(shape, strides).reshape(36, -1)).view(36, -1, channels)


def _tiles(y: Float[Tensor, "part height width channel"]) -> Float[Tensor, "4 4 part rows columns channel"]:
    """A view of y, tile by tile of 4 x 4."""
    _, height, width, _ = y.shape
    return y.unflatten(2, (width // 4, 4)).unflatten(1, (height // 4, 4)).permute(2, 4, 0, 1, 3, 5)


def _phases(y: Tensor, part: slice, count: int) -> Iterator[Float[Tensor, "4 4 part rows columns channel"]]:
    """The tiles of one part's outputs (batch, channel, height, width), a phase at a time."""
    side = 1 if count == 1 else 2
    images = y[part].permute(0, 2, 3, 1)
    for phase in range(count):
        yield _tiles(images[:, phase // side :: side, phase % side :: side])


def _overlapping(
    tiles: Float[Tensor, "6 6 part rows columns channel"],
) -> Float[Tensor, "part height width channel"]:
    """The sum of tiles of 6 x 6 that overlap by 2, without the border of 1 that the images were padded with."""
    part, height, width, channels = tiles.shape[2], 4 * tiles.shape[3], 4 * tiles.shape[4], tiles.shape[5]
    total = tiles.new_zeros(part, height + 4, width + 4, channels)
    for rows, down in ((slice(0, 4), 0), (slice(4, 6), 4)):  # the first four rows lie on a tile, two on the next
        for columns, right in ((slice(0, 4), 0), (slice(4, 6), 4)):
            moved = tiles[rows, columns]
            place = _tiles(total[:, down : down + height, right : right + width])
            place[: moved.shape[0], : moved.shape[1]].add_(moved)
    return total[:, 1 : height + 1, 1 : width + 1]


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, taps)
        batch, _, height, width = x.shape
        outputs, weights = taps.shape[-1], _transformed_weights(taps)
        _, of_outputs = _transforms(x.dtype)
        side = 1 if len(weights) == 1 else 2
        shape = (batch, outputs, side * height, side * width)
        y = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        for part in _parts(x, weights):
            tiles = _transformed_tiles(x[part].permute(0, 2, 3, 1))
            for weight, place in zip(weights, _phases(y, part, len(weights)), strict=True):
                place.copy_((of_outputs @ torch.bmm(tiles, weight).view(36, -1)).view(place.shape))
                if bias is not None:
                    place.add_(bias)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, taps = ctx.saved_tensors
        for_x, for_taps, for_bias = ctx.needs_input_grad
        to_bias = gradient.sum((0, 2, 3)) if for_bias else None
        if not torch.is_grad_enabled():
            return *_gradients(x, taps, gradient, for_x, for_taps), to_bias
        # The gradient is to be differentiated again, as a gradient penalty wants.
        wanted = [tensor for tensor, wants in ((x, for_x), (taps, for_taps)) if wants]
        found = iter(torch.autograd.grad(_direct(x, taps), wanted, gradient, create_graph=True) if wanted else ())
        return next(found) if for_x else None, next(found) if for_taps else None, to_bias


def _gradients(
    x: Tensor, taps: Tensor, gradient: Tensor, for_x: bool, for_taps: bool
) -> tuple[Tensor | None, Tensor | None]:
    _, inputs, height, width = x.shape
    outputs, weights = taps.shape[-1], _transformed_weights(taps)
    of_inputs, of_outputs = _transforms(x.dtype)
    to_x = torch.empty_like(x, memory_format=torch.channels_last)
    to_weights = torch.zeros_like(weights) if for_taps else weights
    for part in _parts(x, weights):
        tiles = _transformed_tiles(x[part].permute(0, 2, 3, 1)) if for_taps else None
        to_tiles: Tensor | None = None
        for weight, to_weight, slopes in zip(weights, to_weights, _phases(gradient, part, len(weights)), strict=True):
            products = (of_outputs.T @ slopes.reshape(16, -1)).view(36, -1, outputs)
            if tiles is not None:
                to_weight.baddbmm_(tiles.transpose(1, 2), products)
            if for_x and to_tiles is None:
                to_tiles = torch.bmm(products, weight.transpose(1, 2))
            elif to_tiles is not None:
                to_tiles.baddbmm_(products, weight.transpose(1, 2))
        if to_tiles is not None:
            to_inputs = (of_inputs.T @ to_tiles.view(36, -1)).view(6, 6, -1, height // 4, width // 4, inputs)
            to_x[part] = _overlapping(to_inputs).permute(0, 3, 1, 2)
    if not for_taps:
        return to_x if for_x else None, None
    to_taps = _weight_transforms(len(taps), x.dtype).T @ to_weights.view(-1, inputs * outputs)
    return to_x if for_x else None, to_taps.view(taps.shape)
