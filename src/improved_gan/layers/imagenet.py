"""The networks of architecture=imagenet_dcgan: noise at every level, and a batch norm that joins two batches."""

from itertools import pairwise
from math import erf, prod, sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from improved_gan import distributed
from improved_gan.layers.discriminator import Discriminator
from improved_gan.layers.generator import Generator, Normalisation
from improved_gan.layers.noise import GaussianNoise
from improved_gan.layers.products import Linear, full_precision
from improved_gan.layers.same_padding import SameConv2d, SameConvTranspose2d

EPSILON = 1e-5
WEIGHT_STD = 0.02


class ImagenetGenerator(Generator):
    """Dense layer to 4x4, five upsamplings, an output layer; noise channels are appended at each of the six levels.

    The flat latent vector is z, then each level's noise (channels, side, side) from 4x4 up to 128x128.
    """

    def __init__(self, latent_size: int, width: int, image_channels: int, normalisation: Normalisation) -> None:
        channels = [8 * width, 4 * width, 2 * width, width, width, width]
        noise = [max(1, width // part) for part in (1, 1, 2, 4, 8, 8)]
        self.noise_shapes = [(count, 4 << level, 4 << level) for level, count in enumerate(noise)]
        self.latent_sizes = [latent_size, *(prod(shape) for shape in self.noise_shapes)]

        dense = Linear(latent_size, channels[0] * 4 * 4)
        nn.init.normal_(dense.weight, std=WEIGHT_STD)
        nn.init.zeros_(dense.bias)
        levels: list[nn.Module] = [nn.Sequential(dense, nn.Unflatten(1, (channels[0], 4, 4)))]
        levels += [
            _upsampling(inputs + extra, outputs, stride=2, std=WEIGHT_STD, bias=0.0)
            for (inputs, outputs), extra in zip(pairwise(channels), noise[:-1], strict=True)
        ]
        super().__init__(sum(self.latent_sizes), nn.ModuleList(levels))
        self.norms = nn.ModuleList(normalisation(count, epsilon=EPSILON, scale=True) for count in channels)
        for norm in self.norms:
            assert isinstance(norm.scale, nn.Parameter)
            nn.init.normal_(norm.scale, mean=1.0, std=0.02)
        self.output = _upsampling(channels[-1] + noise[-1], image_channels, stride=1, std=0.075, bias=-0.45)

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """An image in [-1, 1] for each latent vector."""
        x, *noise = latents.split(self.latent_sizes, dim=1)
        assert isinstance(self.layers, nn.ModuleList)
        for level, norm, extra, shape in zip(self.layers, self.norms, noise, self.noise_shapes, strict=True):
            x = functional.relu(norm(level(x)))
            x = torch.cat([x, extra.unflatten(1, shape).to(x.dtype)], dim=1)
        return torch.tanh(full_precision(self.output(x)))


class HalfRealHalfGeneratedBatchNorm(nn.Module):
    """Batch norm whose first half of channels uses the reals' statistics, the second half the generated examples'.

    Each half normalises all examples, so every example is measured against both kinds.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        assert channels % 2 == 0
        self.scale = nn.Parameter(torch.empty(channels).normal_(mean=1.0, std=0.02))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(
        self, x: Float[Tensor, "batch channel *space"], real: slice, generated: slice
    ) -> Float[Tensor, "batch channel *space"]:
        """Normalised x; the slices say which examples give the one and the other statistics."""
        count = distributed.group_count()
        if count == 1:
            return self._normalised(x, real, generated)
        by_group = x.unflatten(0, (-1, count, (real.stop - real.start) // count)).unbind(1)
        kinds = [slice(kind.start // count, kind.stop // count) for kind in (real, generated)]
        made = [self._normalised(group.flatten(0, 1), *kinds).unflatten(0, group.shape[:2]) for group in by_group]
        return torch.stack(made, 1).flatten(0, 2)

    def _normalised(self, x: Tensor, real: slice, generated: slice) -> Tensor:
        values = full_precision(x)
        first, second = values.chunk(2, dim=1)
        halves = first[real], second[generated]
        axes = [0, *range(2, x.ndim)]
        variances, means = zip(*(distributed.var_mean(half, axes) for half in halves), strict=True)
        factor = self.scale * torch.rsqrt(torch.cat(variances) + EPSILON)
        offset = self.shift - torch.cat(means) * factor
        shape = (-1, *[1] * (x.ndim - 2))
        return (values * factor.view(shape) + offset.view(shape)).to(x.dtype)


class ImagenetTrunk(nn.Module):
    """Noise, seven 3x3 convolutions and a dense layer, each with the joint batch norm and leaky ReLU of slope 0.2."""

    def __init__(self, image_channels: int, image_side: int, width: int) -> None:
        super().__init__()
        self.noise = GaussianNoise(0.1)
        channels = [image_channels, *(width * factor for factor in (1, 2, 4, 4, 4, 8, 8))]
        strides = [2, 2, 2, 1, 1, 2, 2]
        self.out_features = 40 * width
        self.layers = nn.ModuleList()
        for (inputs, outputs), stride in zip(pairwise(channels), strides, strict=True):
            convolution = SameConv2d(inputs, outputs, 3, stride)
            _truncated_normal(convolution.weight)
            assert convolution.bias is not None
            nn.init.zeros_(convolution.bias)
            self.layers.append(convolution)
        side = image_side // prod(strides)
        last = dense(channels[-1] * side * side, self.out_features)
        self.layers.append(nn.Sequential(nn.Flatten(), last))
        self.norms = nn.ModuleList(HalfRealHalfGeneratedBatchNorm(c) for c in [*channels[1:], self.out_features])

    def forward(
        self, images: Float[Tensor, "batch channel height width"], real: slice, generated: slice
    ) -> Float[Tensor, "batch feature"]:
        """Features of all images; the slices say which are real and which generated."""
        x = self.noise(images)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = functional.leaky_relu(norm(layer(x), real, generated), 0.2)
        return x


class ImagenetDiscriminator(Discriminator):
    """Judges reals and generated images together: the first batch is real, the second generated.

    Their statistics normalise any further batch as well. A batch alone (an evaluation) is normalised by its own.
    """

    couples_batches = True

    def features(self, *batches: Float[Tensor, "_ channel height width"]) -> list[Float[Tensor, "_ feature"]]:
        """The features of each batch."""
        real = generated = slice(0, len(batches[0]))
        if len(batches) > 1:
            generated = slice(real.stop, real.stop + len(batches[1]))
        return self._apart(self.trunk(torch.cat(batches), real, generated), batches)


@torch.no_grad()
def _truncated_normal(weight: Tensor) -> None:
    """TensorFlow's initialiser: N(0, std²) within two deviations, here by inverting its distribution function."""
    share = erf(sqrt(2))  # of the normal distribution that lies within two deviations
    weight.uniform_(-share, share).erfinv_().mul_(sqrt(2) * WEIGHT_STD)


def dense(inputs: int, outputs: int) -> Linear:
    layer = Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=WEIGHT_STD)
    nn.init.zeros_(layer.bias)
    return layer


def _upsampling(inputs: int, outputs: int, *, stride: int, std: float, bias: float) -> SameConvTranspose2d:
    layer = SameConvTranspose2d(inputs, outputs, 5, stride)
    nn.init.normal_(layer.weight, std=std)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, bias)
    return layer
