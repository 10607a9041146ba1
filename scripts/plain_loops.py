"""Plain PyTorch loops of the paper's two steps, as one would first write them: what our steps are measured against.

Three discriminator passes, eager, fp32, contiguous, default Adam, every gradient computed; the same mathematics as
experiment=mnist_table1 and experiment=cifar10_table3.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional


class WeightNorm(nn.Module):
    """g v / sqrt(eps + |v|^2), then a dense or a convolutional product."""

    def __init__(self, shape: tuple[int, ...], *, std: float, axis: int = 0, eps: float = 1e-6, **conv: int) -> None:
        super().__init__()
        self.v = nn.Parameter(std * torch.randn(shape))
        self.g = nn.Parameter(torch.ones(shape[axis]))
        self.b = nn.Parameter(torch.zeros(shape[axis]))
        self.axis, self.eps, self.conv = axis, eps, conv

    def forward(self, x: Tensor) -> Tensor:
        axes = [a for a in range(self.v.ndim) if a != self.axis]
        shape = [-1 if a == self.axis else 1 for a in range(self.v.ndim)]
        weight = self.v * (self.g.view(shape) / torch.sqrt(self.eps + (self.v**2).sum(axes, keepdim=True)))
        if self.v.ndim == 2:
            return functional.linear(x, weight, self.b)
        if self.axis == 1:
            return functional.conv_transpose2d(x, weight, self.b, stride=2, padding=2, output_padding=1)
        return functional.conv2d(x, weight, self.b, stride=self.conv["stride"], padding=self.conv["padding"])


class BatchNorm(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + 1e-6) + self.b


class MnistDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        units = [784, 1000, 500, 250, 250, 250, 10]
        pairs = itertools.pairwise(units)
        self.layers = nn.ModuleList(WeightNorm((o, i), std=0.1, eps=0.0) for i, o in pairs)
        for layer in self.layers[:-1]:
            layer.g.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for number, layer in enumerate(self.layers[:-1]):
            x = functional.relu(layer(x + torch.randn_like(x) * (0.3 if number == 0 else 0.5)))
        return x, self.layers[-1](x + 0.5 * torch.randn_like(x))


class MnistGenerator(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Linear(100, 500, bias=False), BatchNorm(500), nn.Softplus(),
            nn.Linear(500, 500, bias=False), BatchNorm(500), nn.Softplus(),
            WeightNorm((784, 500), std=0.04), nn.Sigmoid(),
        )  # fmt: skip


def discriminator_loss(labelled: Tensor, labels: Tensor, real: Tensor, fake: Tensor, alpha: float = 1.0) -> Tensor:
    l_real, l_fake = real.logsumexp(1), fake.logsumexp(1)
    unlabelled = (functional.softplus(l_real) - alpha * l_real).mean() + functional.softplus(l_fake).mean()
    return functional.cross_entropy(labelled, labels) + unlabelled / 2


class PlainLoop:
    """Networks, optimizers, the averaged discriminator."""

    def __init__(self, discriminator: nn.Module, generator: nn.Module, rate: float) -> None:
        self.discriminator, self.generator = discriminator, generator
        self.trained = [p for p in discriminator.parameters() if p.requires_grad]
        self.average = [torch.zeros_like(p) for p in self.trained]
        self.optimize_d = torch.optim.Adam(self.trained, lr=rate, betas=(0.5, 0.999))
        self.optimize_g = torch.optim.Adam(generator.parameters(), lr=rate, betas=(0.5, 0.999))

    def update_discriminator(self, loss: Tensor) -> None:
        self.optimize_d.zero_grad()
        loss.backward()
        self.optimize_d.step()
        with torch.no_grad():
            for average, parameter in zip(self.average, self.trained, strict=True):
                average.add_(parameter - average, alpha=1e-4)

    def update_generator(self, loss: Tensor) -> None:
        self.optimize_g.zero_grad()
        loss.backward()
        self.optimize_g.step()


class PlainMnist(PlainLoop):
    """Table 1: feature matching."""

    def __init__(self) -> None:
        super().__init__(MnistDiscriminator(), MnistGenerator(), 0.003)

    def step(self, labelled: Tensor, labels: Tensor, real: Tensor, generator_real: Tensor) -> None:
        with torch.no_grad():
            fake = self.generator(torch.rand(100, 100))
        logits = [self.discriminator(x)[1] for x in (labelled, real, fake)]
        self.update_discriminator(discriminator_loss(logits[0], labels, logits[1], logits[2]))
        fake_features = self.discriminator(self.generator(torch.rand(100, 100)))[0]
        real_features = self.discriminator(generator_real)[0]
        self.update_generator((fake_features.mean(0) - real_features.mean(0)).square().mean())


class CifarDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        w, narrow = 192, 96
        layers = [(3, narrow, 3, 1, 1), (narrow, narrow, 3, 1, 1), (narrow, narrow, 3, 2, 1)]
        layers += [
            (narrow, w, 3, 1, 1),
            (w, w, 3, 1, 1),
            (w, w, 3, 2, 1),
            (w, w, 3, 1, 0),
            (w, w, 1, 1, 0),
            (w, w, 1, 1, 0),
        ]
        self.layers = nn.ModuleList(WeightNorm((o, i, k, k), std=0.05, stride=s, padding=p) for i, o, k, s, p in layers)
        for layer in self.layers:
            layer.g.requires_grad_(False)
        self.t = nn.Parameter(0.05 * torch.randn(w, 100, 5))
        self.log_scale, self.bias = nn.Parameter(torch.zeros(100, 5)), nn.Parameter(torch.zeros(100))
        self.head = WeightNorm((10, w + 100), std=0.05)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.2 * torch.randn_like(x)
        for number, layer in enumerate(self.layers):
            x = functional.leaky_relu(layer(x), 0.2)
            if number in (2, 5):
                x = functional.dropout(x, 0.5)
        features = x.mean((2, 3))
        t = self.t * (self.log_scale.exp() / self.t.square().sum(0).sqrt())
        m = torch.einsum("na,abc->nbc", features, t)
        distances = (m[:, None] - m[None]).abs().sum(3) + 1e6 * torch.eye(len(m))[:, :, None]
        return self.head(torch.cat([features, torch.exp(-distances).sum(1) + self.bias], 1))


class VirtualBatchNorm(nn.Module):
    """The first 100 rows are the reference batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        reference, own = x[:100], 1 / 101
        mean, square = reference.mean((0, 2, 3), keepdim=True), reference.square().mean((0, 2, 3), keepdim=True)
        normal = (reference - mean) / torch.sqrt(square - mean**2 + 1e-6)
        examples = x[100:]
        means = own * examples.mean((2, 3), keepdim=True) + (1 - own) * mean
        squares = own * examples.square().mean((2, 3), keepdim=True) + (1 - own) * square
        return torch.cat([normal, (examples - means) / torch.sqrt(squares - means**2 + 1e-6)]) + self.b


class CifarGenerator(nn.Module):
    reference: Tensor

    def __init__(self) -> None:
        super().__init__()

        def upsample(i: int, o: int) -> nn.Module:
            return nn.ConvTranspose2d(i, o, 5, stride=2, padding=2, output_padding=1, bias=False)

        self.layers = nn.Sequential(
            nn.Linear(100, 8192, bias=False), nn.Unflatten(1, (512, 4, 4)), VirtualBatchNorm(512), nn.ReLU(),
            upsample(512, 256), VirtualBatchNorm(256), nn.ReLU(),
            upsample(256, 128), VirtualBatchNorm(128), nn.ReLU(),
            WeightNorm((128, 3, 5, 5), std=0.05, axis=1), nn.Tanh(),
        )  # fmt: skip
        self.register_buffer("reference", torch.rand(100, 100))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(torch.cat([self.reference, z]))[100:]


class PlainCifar(PlainLoop):
    """Table 3, "our methods": minibatch discrimination, virtual batch norm, label smoothing; 3 generator updates."""

    def __init__(self) -> None:
        super().__init__(CifarDiscriminator(), CifarGenerator(), 3e-4)

    def step(self, labelled: Tensor, labels: Tensor, real: Tensor) -> None:
        with torch.no_grad():
            fake = self.generator(torch.rand(100, 100))
        logits = [self.discriminator(x) for x in (labelled, real, fake)]
        self.update_discriminator(discriminator_loss(logits[0], labels, logits[1], logits[2], alpha=0.9))
        for _ in range(3):
            l_fake = self.discriminator(self.generator(torch.rand(100, 100))).logsumexp(1)
            self.update_generator(-functional.softplus(l_fake).mean())
