"""Virtual batch norm's layer and the generator around it; the equation opens technique/virtual_batch_norm.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.layers.products import full_precision


class VirtualBatchNorm(nn.Module):
    """Normalises (n + batch, channel, ...) whose first n = `reference_size` examples are the reference batch.

    While `frozen` there are no reference examples in the input: the statistics of the last ones seen stand for them.
    """

    scale: nn.Parameter | None

    def __init__(self, channels: int, reference_size: int, epsilon: float = 1e-6, scale: bool = False) -> None:
        super().__init__()
        self.reference_size = reference_size
        self.epsilon = epsilon
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_parameter("scale", nn.Parameter(torch.ones(channels)) if scale else None)
        self.frozen = False
        self.reference: tuple[Tensor, Tensor] | None = None  # mean and variance of the last reference batch

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel *space"]:
        """Normalised x, in the type of x; the statistics are fp32 or better."""
        values = full_precision(x)
        means, variances = _statistics(values)
        if self.frozen:
            assert self.reference is not None
            means, variances = self._mixed(means, variances, *self.reference)
        else:
            n = self.reference_size
            assert len(x) >= n, f"{len(x)} examples, of which {n} should be the reference batch"
            mean = means[:n].mean(0)
            variance = variances[:n].mean(0) + means[:n].var(0, correction=0)
            self.reference = mean.detach(), variance.detach()
            mixed_means, mixed_variances = self._mixed(means[n:], variances[n:], mean, variance)
            means = torch.cat([mean.expand(n, -1), mixed_means])
            variances = torch.cat([variance.expand(n, -1), mixed_variances])
        factors = (variances + self.epsilon).rsqrt()
        if self.scale is not None:
            factors = factors * self.scale
        offsets = self.shift - means * factors
        normalised: Tensor = _Affine.apply(values, factors, offsets)
        return normalised.to(x.dtype)

    def _mixed(self, means: Tensor, variances: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each example joined with the reference batch.

        The variance, mixed mean square - (mixed mean)^2, is written so that rounding cannot make it negative.
        """
        own = 1 / (self.reference_size + 1)
        apart = (means - mean).square()
        return mean + own * (means - mean), own * variances + (1 - own) * variance + own * (1 - own) * apart

    def extra_repr(self) -> str:
        size = f"reference_size={self.reference_size}"
        return f"{self.shift.numel()}, {size}, epsilon={self.epsilon}, scale={self.scale is not None}"


class VirtualBatchNormGenerator(nn.Module):
    """A generator whose every pass takes the reference latents along, and drops their images."""

    reference_latents: Tensor

    def __init__(self, generator: nn.Module, reference_latents: Float[Tensor, "reference latent"]) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("reference_latents", reference_latents)
        self.latent_size = reference_latents.shape[1]
        self._frozen = False

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """The images of `latents`; the gradient reaches the generator through the reference batch too."""
        if self._frozen:
            images: Tensor = self.generator(latents)
            return images
        joined: Tensor = self.generator(torch.cat([self.reference_latents, latents]))
        return joined[len(self.reference_latents) :]

    @contextmanager
    def freeze_reference(self) -> Iterator[None]:
        """For sampling: inside the `with` the reference statistics are those of the weights at its start."""
        assert not self._frozen
        with torch.no_grad():
            self.generator(self.reference_latents)
        self._set_frozen(True)
        try:
            yield
        finally:
            self._set_frozen(False)

    def _set_frozen(self, frozen: bool) -> None:
        self._frozen = frozen
        for module in self.generator.modules():
            if isinstance(module, VirtualBatchNorm):
                module.frozen = frozen


def _statistics(x: Float[Tensor, "batch channel *space"]) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance over space of each example's channels: (batch, channel) both."""
    if x.ndim == 2:
        return x, torch.zeros_like(x)
    means, variances = _Moments.apply(x, tuple(range(2, x.ndim)))
    return means, variances


# The two passes over large activations are written out: left to autograd they take twice to four times as long (CPU).


class _Moments(torch.autograd.Function):
    """Mean and (biased) variance over the given axes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        means = x.mean(axes, keepdim=True)
        ctx.save_for_backward(x, means)
        return means.flatten(1), (x - means).square_().mean(axes)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, to_means: Tensor, to_variances: Tensor) -> tuple[Tensor, None]:
        x, means = ctx.saved_tensors
        size = x[0, 0].numel()
        slope = 2 / size * to_variances.view_as(means)
        return torch.addcmul(to_means.view_as(means) / size - means * slope, x, slope), None


class _Affine(torch.autograd.Function):
    """x factor + offset, with a factor and an offset (batch, channel) for each example's channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor, offsets: Tensor) -> Tensor:
        shape = (*factors.shape, *[1] * (x.ndim - 2))
        factors = factors.view(shape)
        ctx.save_for_backward(x, factors)
        return torch.addcmul(offsets.view(shape), x, factors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, factors = ctx.saved_tensors
        if x.ndim == 2:
            return gradient * factors, gradient * x, gradient
        axes = tuple(range(2, x.ndim))
        return gradient * factors, (gradient * x).sum(axes), gradient.sum(axes)
