"""The sums of section 3.2, sum_{j != i} exp(-||M_i,b - M_j,b||_1), and their gradient, made for speed.

With w_b(i,j) = c_b(i,j) (g_i,b + g_j,b), where g is the gradient of the sums,

    d/dM_i,b,c = sum_j w_b(i,j) sign(M_j,b,c - M_i,b,c).

c and w are symmetric, so that pairs i <= j are enough. They are taken in blocks of rows i that stay in the cache; the
layout (dim, i, j, kernel) lets every pass run along the kernels. exp is taken as exp2 of distances measured in units
of ln 2: on CPUs it is three times as fast, and exp falls to a fiftieth of its speed where results are denormal
(distances from 88), which nothing keeps out of training.

c is kept from the way forth to the way back up to `ELEMENTS_KEPT`, a batch of some 570 at 100 kernels; of larger
batches it is computed again, so that memory grows with N instead of N^2. Only the gradient's own gradient holds all
pairs at once.
"""

from math import e, log2
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

ELEMENTS_PER_BLOCK = {"cpu": 2**20}  # differences held at a time: measured best
ELEMENTS_PER_BLOCK_ELSEWHERE = 2**25
ELEMENTS_KEPT = 2**24


def minibatch_features(projected: Float[Tensor, "n kernel dim"]) -> Float[Tensor, "n kernel"]:
    """Sum over the other examples j of exp(-||M_i,b - M_j,b||_1), for projections M."""
    sums: Tensor = _MinibatchFeatures.apply(projected)
    return sums


def plain_minibatch_features(projected: Float[Tensor, "n kernel dim"]) -> Float[Tensor, "n kernel"]:
    """The same in one line: far more memory, and differentiable any number of times."""
    return (-(projected[:, None] - projected).abs().sum(-1)).exp().sum(1) - 1


class _MinibatchFeatures(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor) -> Tensor:
        points = _kernels_last(projected)
        _, n, kernels = points.shape
        sums = points.new_zeros(n, kernels)
        buffer, rows = _buffer(points)
        blocks = []
        for start in range(0, n, rows):
            closeness = _closeness(_differences(points, start, rows, buffer).abs_())
            own = closeness.shape[0]
            sums[start : start + own] += closeness.sum(1)
            sums[start + own :] += closeness[:, own:].sum(0)  # the same pairs, seen from j
            if n * n * kernels <= 2 * ELEMENTS_KEPT:
                blocks.append(closeness)
        ctx.save_for_backward(projected, *blocks)
        return sums

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        projected, *blocks = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again, as a gradient penalty wants
            sums = plain_minibatch_features(projected)
            (again,) = torch.autograd.grad(sums, projected, gradient, create_graph=True)
            return again
        points = _kernels_last(projected)
        result = torch.zeros_like(points)
        buffer, rows = _buffer(points)
        for number, start in enumerate(range(0, points.shape[1], rows)):
            differences = _differences(points, start, rows, buffer)
            closeness = blocks[number] if blocks else _closeness(differences.abs())
            own = closeness.shape[0]
            weights = (gradient[start : start + own, None] + gradient[start:]).mul_(closeness)
            pulls = differences.sign_().mul_(weights)
            result[:, start : start + own] += pulls.sum(2)
            result[:, start + own :] -= pulls[:, :, own:].sum(1)
        return result.permute(1, 2, 0)


def _closeness(distances: Float[Tensor, "dim row other kernel"]) -> Float[Tensor, "row other kernel"]:
    closeness = distances.sum(0).neg_().exp2_()
    closeness.diagonal().zero_()  # i itself
    return closeness


def _kernels_last(projected: Float[Tensor, "n kernel dim"]) -> Float[Tensor, "dim n kernel"]:
    return (projected * log2(e)).permute(2, 0, 1).contiguous()


def _buffer(points: Float[Tensor, "dim n kernel"]) -> tuple[Tensor, int]:
    """Memory for one block of differences, and the number of its rows."""
    limit = ELEMENTS_PER_BLOCK.get(points.device.type, ELEMENTS_PER_BLOCK_ELSEWHERE)
    n = points.shape[1]
    rows = max(1, min(n, limit // max(1, points.numel())))
    return points.new_empty(rows * points.numel()), rows


def _differences(points: Float[Tensor, "dim n kernel"], start: int, rows: int, buffer: Tensor) -> Tensor:
    """M_j - M_i for i in a block of rows from `start` and j from `start` on: (dim, i, j, kernel), in `buffer`."""
    own, others = points[:, start : start + rows, None], points[:, None, start:]
    shape = torch.broadcast_shapes(own.shape, others.shape)
    return torch.sub(others, own, out=buffer[: shape.numel()].view(shape))
