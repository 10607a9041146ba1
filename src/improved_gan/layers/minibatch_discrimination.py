"""The layers of minibatch discrimination, whose equation opens technique/minibatch_discrimination.py."""

from math import e, log2

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan import distributed
from improved_gan.kernels.minibatch_features import minibatch_features


class MinibatchDiscrimination(nn.Module):
    """Appends to the features of each example its `kernels` sums o(x_i), each batch compared within itself.

    The paper's form is `include_self`, no `normalised_projection`, no `bias`; the authors' the contrary of all three.
    While `initialising`, log-scale and bias are set from the very batch: half the mean distance to the nearest other
    example becomes 1, and the mean of the sums 0. So the authors do, `initial_scale="nearest"`; "mean" makes the
    mean distance of two examples 1: points have neighbours so near that kernels set by them see nothing else.
    """

    log_scale: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        kernels: int,
        dims: int,
        include_self: bool,
        normalised_projection: bool,
        bias: bool,
        initial_scale: str = "nearest",
    ) -> None:
        super().__init__()
        self.out_features, self.initial_scale = in_features + kernels, initial_scale
        self.include_self = include_self
        self.initialising = False
        self.projection = nn.Parameter(torch.empty(in_features, kernels, dims))
        self.register_parameter(
            "log_scale", nn.Parameter(torch.zeros(kernels, dims)) if normalised_projection else None
        )
        self.register_parameter("bias", nn.Parameter(torch.zeros(kernels)) if bias else None)
        nn.init.normal_(self.projection, std=0.05)

    def forward(self, *features: Float[Tensor, "_ feature"]) -> list[Float[Tensor, "_ out"]]:
        """Each batch's features with the sums of its examples appended, in fp32 or better."""
        sizes = [len(batch) for batch in features]
        joined = torch.cat(features).to(self.projection.dtype)
        # The distances are differences of near equals: never in bf16.
        with torch.autocast("cuda" if joined.is_cuda else "cpu", enabled=False):
            projected = self._projected(joined).split(sizes)
            if self.initialising and self.log_scale is not None:
                self._set_scale(projected)
                projected = self._projected(joined).split(sizes)
            sums = torch.cat([distributed.own(minibatch_features(distributed.gathered(batch))) for batch in projected])
            if self.include_self:
                sums = sums + 1
            if self.bias is not None:
                if self.initialising:
                    self.bias.data.copy_(-sums.mean(0))
                sums = sums + self.bias
        return list(torch.cat([joined, sums], dim=1).split(sizes))

    def _projected(self, features: Float[Tensor, "n feature"]) -> Float[Tensor, "n kernel dim"]:
        """M_i; where T is normalised, the projections are scaled instead, which is the same and cheaper."""
        projected = (features @ self.projection.flatten(1)).unflatten(1, self.projection.shape[1:])
        if self.log_scale is None:
            return projected
        return projected * (self.log_scale.exp() * self.projection.square().sum(0).rsqrt())

    @torch.no_grad()
    def _set_scale(self, projected: tuple[Tensor, ...]) -> None:
        """log-scale -= log(half the mean distance to the nearest other example, or the mean distance), per kernel."""
        assert self.log_scale is not None
        if self.initial_scale == "mean":
            size = torch.stack([_mean_distances(batch) for batch in projected]).mean(0)
        else:
            size = torch.cat([_nearest_distances(batch) for batch in projected]).mean(0) / 2
        self.log_scale.sub_(size.log()[:, None])

    def extra_repr(self) -> str:
        form = f"include_self={self.include_self}, normalised_projection={self.log_scale is not None}"
        return f"T={tuple(self.projection.shape)}, {form}, bias={self.bias is not None}"


class JointMinibatchDiscrimination(nn.Module):
    """The ImageNet model's form: sums over the reals and, apart from them, over the generated examples.

    2 `kernels` features for every example: its closeness to all reals but itself, then to all generated ones but
    itself, divided by the number of pairs, n (N - 1) for n examples of the kind among N (2 B^2 - B for two batches of
    B). T is a plain dense layer; its bias cancels in the distances and is kept because the authors' code has it.
    """

    def __init__(self, in_features: int, kernels: int, dims: int) -> None:
        super().__init__()
        self.out_features = in_features + 2 * kernels
        self.kernels, self.dims = kernels, dims
        self.projection = nn.Linear(in_features, kernels * dims)
        nn.init.normal_(self.projection.weight, std=0.02)
        nn.init.zeros_(self.projection.bias)

    def forward(self, *features: Float[Tensor, "_ feature"]) -> list[Float[Tensor, "_ out"]]:
        """The first batch is real, the second generated; any further one is compared with these two.

        A batch alone stands for both.
        """
        sizes = [len(batch) for batch in features]
        joined = torch.cat(features).to(self.projection.weight.dtype)
        kinds = [slice(0, sizes[0]), slice(sizes[0], sum(sizes[:2])) if len(sizes) > 1 else slice(0, sizes[0])]
        with torch.autocast("cuda" if joined.is_cuda else "cpu", enabled=False):
            projected = self.projection(joined).unflatten(1, (self.kernels, self.dims)).transpose(0, 1)
            sums = [self._sums(projected, kind, sum(sizes[:2])) for kind in kinds]
        return list(torch.cat([joined, *sums], dim=1).split(sizes))

    def _sums(self, projected: Float[Tensor, "kernel n dim"], kind: slice, compared: int) -> Float[Tensor, "n kernel"]:
        others = distributed.gathered(projected[:, kind].transpose(0, 1)).transpose(0, 1).contiguous()
        distances = torch.cdist(projected, others, p=1)
        closeness = torch.exp2(-log2(e) * distances)
        itself = torch.zeros(closeness.shape[1:], dtype=torch.bool, device=closeness.device)
        distributed.own(itself.T)[:, kind].fill_diagonal_(True)
        pairs = others.shape[1] * (distributed.shares() * compared - 1)
        return closeness.masked_fill(itself, 0).sum(-1).T / pairs


def _mean_distances(projected: Float[Tensor, "n kernel dim"]) -> Float[Tensor, " kernel"]:
    """||M_i,b - M_j,b||_1 in the mean over all pairs of two different examples."""
    count = len(projected)
    by_kernel = projected.transpose(0, 1).contiguous()
    return torch.cdist(by_kernel, by_kernel, p=1).sum((1, 2)) / (count * (count - 1))


def _nearest_distances(projected: Float[Tensor, "n kernel dim"]) -> Float[Tensor, "n kernel"]:
    """||M_i,b - M_j,b||_1 for the nearest j other than i."""
    assert len(projected) > 1
    by_kernel = projected.transpose(0, 1).contiguous()
    distances = torch.cdist(by_kernel, by_kernel, p=1)
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    return distances.amin(-1).T
