"""The later rivals against their formulas: loops, singular values, ordinary Adam, finite differences."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from improved_gan.composing import compose_jobs
from improved_gan.layers.minibatch_stddev import MinibatchStddev
from improved_gan.layers.weight_norm import WeightNormConv2d, WeightNormLinear, without_weight_norm
from improved_gan.objective import Outputs, Targets
from improved_gan.objective.non_saturating import non_saturating
from improved_gan.technique.packing import pack
from improved_gan.technique.r1 import r1_penalty
from improved_gan.technique.r2 import r2_penalty
from improved_gan.technique.spectral_norm import normalise_spectrally
from improved_gan.technique.unrolling import unrolled_parameters, with_parameters
from improved_gan.training.adam import Adam


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("slope_penalty", [r1_penalty, r2_penalty])
def test_r1_and_r2_are_their_formula(slope_penalty: Callable[..., Tensor]) -> None:
    """Of D(x) = w.x + x'Ax, whose gradient w + (A + A')x is written out."""
    real, w, a = draws(4, 1, 2, 3), draws(6, seed=1).requires_grad_(), draws(6, 6, seed=2).requires_grad_()

    def real_score(images: Tensor) -> Tensor:
        x = images.flatten(1)
        return x @ w + ((x @ a) * x).sum(1)

    penalty = slope_penalty(3.0, real_score, real)
    slopes = [w + (a + a.T) @ x for x in real.flatten(1)]
    expected = 3.0 / 2 * sum((slope**2).sum() for slope in slopes) / 4
    torch.testing.assert_close(penalty, expected)
    found, wanted = (torch.autograd.grad(value, (w, a)) for value in (penalty, expected))
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other)


def test_weights_are_divided_by_their_largest_singular_value() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        WeightNormConv2d(2, 5, 3, padding=1, stride=2, std=0.3),
        nn.Flatten(),
        WeightNormLinear(20, 4, std=0.3, train_gain=True),
    )
    originals = [layer.direction.detach().clone() for layer in (network[0], network[2])]
    without_weight_norm(network)
    with torch.no_grad():
        image = torch.randn(1, 2, 4, 4)
        plain = nn.functional.conv2d(image, originals[0], network[0].bias, 2, 1).flatten(1) @ originals[1].T
        torch.testing.assert_close(network(image), plain + network[2].bias)
        normalise_spectrally(network)
        for _ in range(200):  # a power iteration each
            network(image)
        for layer, original in zip((network[0], network[2]), originals, strict=True):
            sigma = torch.linalg.svdvals(original.flatten(1))[0]
            torch.testing.assert_close(layer.weight, original / sigma, rtol=1e-4, atol=1e-5)
    assert len(list(network.parameters())) == 4  # two weights, two biases: no gain


def test_the_standard_deviation_is_its_formula() -> None:
    batches = [draws(5, 3).requires_grad_(), draws(2, 3, seed=1).requires_grad_()]
    layer = MinibatchStddev(3)
    for batch, found in zip(batches, layer(*batches), strict=True):
        deviations = []
        for column in batch.T:
            mean = sum(column) / len(column)
            deviations.append((sum((x - mean) ** 2 for x in column) / len(column) + 1e-8).sqrt())
        expected = sum(deviations) / 3
        assert torch.equal(found[:, :3], batch) and found.shape[1] == layer.out_features == 4
        for value in found[:, 3]:
            torch.testing.assert_close(value, expected)
        weights = draws(len(batch), seed=5)
        values = (weights @ found[:, 3], weights.sum() * expected)
        torch.testing.assert_close(*(torch.autograd.grad(value, batch, retain_graph=True)[0] for value in values))


def test_packs_hold_images_side_by_side() -> None:
    images = torch.arange(7 * 2 * 1 * 1.0).view(7, 2, 1, 1)
    assert pack(images, 3).flatten(1).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert torch.equal(pack(images, 1), images)


def test_two_sided_smoothing_is_its_formula() -> None:
    real, fake = draws(6, 1), draws(6, 1, seed=1)
    config = compose_jobs(["objective=non_saturating", "technique=none"])[0].config.objective
    outputs = [Outputs(logits, logits) for logits in (real, fake)]
    loss = non_saturating(config).discriminator_loss(*outputs, Targets(real=0.9, fake=0.1))
    terms = [-t * math.log(d) - (1 - t) * math.log(1 - d) for values, t in ((real, 0.9), (fake, 0.1))
             for d in values.sigmoid().flatten().tolist()]  # fmt: skip
    assert float(loss) == pytest.approx(sum(terms) / 6)


def test_unrolled_parameters_are_those_of_as_many_steps_of_adam() -> None:
    """Ours and PyTorch's, on their first steps and later ones."""
    for make in (
        lambda p: Adam(p, lr=0.05, betas=(0.5, 0.999), eps=1e-4),
        lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.3, 0.99), eps=1e-6),
    ):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
        x, optimizer = draws(6, 3), make(network.parameters())

        def loss(network: nn.Module = network, x: Tensor = x) -> Tensor:
            return (network(x) - 1).square().mean()

        for _ in range(2):
            before = {name: p.detach().clone() for name, p in network.named_parameters()}
            ahead = unrolled_parameters(network, optimizer, loss, 3)
            for name, parameter in network.named_parameters():
                assert torch.equal(parameter, before[name])
            for _ in range(3):
                optimizer.zero_grad()
                loss().backward()
                optimizer.step()
            for name, parameter in network.named_parameters():
                torch.testing.assert_close(ahead[name].detach(), parameter.detach(), rtol=1e-6, atol=1e-9)


def test_the_gradient_goes_through_every_unrolled_step() -> None:
    """Against central differences of the whole computation, by what the steps depend on."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    optimizer = Adam(network.parameters(), lr=0.1, betas=(0.5, 0.9), eps=1e-3)
    real = draws(5, 2)

    def value(fake: Tensor) -> Tensor:
        def discriminator_loss() -> Tensor:
            return nn.functional.softplus(-network(real)).mean() + nn.functional.softplus(network(fake)).mean()

        ahead = unrolled_parameters(network, optimizer, discriminator_loss, 3)
        return with_parameters(network, ahead, lambda: nn.functional.softplus(-network(fake)).mean())

    fake = draws(4, 2, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(value, fake, eps=1e-6, atol=1e-6)
