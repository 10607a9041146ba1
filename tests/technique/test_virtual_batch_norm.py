"""Section 3.4's virtual batch norm against its equations, written as loops in float64."""

import pytest
import torch
from torch import Tensor, nn

from improved_gan.layers.virtual_batch_norm import VirtualBatchNorm, VirtualBatchNormGenerator


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def looped(x: Tensor, layer: VirtualBatchNorm) -> Tensor:
    """Each example and channel by itself, by mean and mean square."""
    n = layer.reference_size
    rows = []
    for i in range(len(x)):
        channels = []
        for c in range(x.shape[1]):
            reference = x[:n, c].flatten()
            mean, mean_square = reference.mean(), (reference**2).mean()
            if i >= n:
                own = x[i, c].flatten()
                mean = own.mean() / (n + 1) + mean * n / (n + 1)
                mean_square = (own**2).mean() / (n + 1) + mean_square * n / (n + 1)
            y = (x[i, c] - mean) / torch.sqrt(mean_square - mean**2 + layer.epsilon)
            if layer.scale is not None:
                y = y * layer.scale[c]
            channels.append(y + layer.shift[c])
        rows.append(torch.stack(channels))
    return torch.stack(rows)


@pytest.mark.parametrize("shape", [(9, 3), (9, 3, 2, 4)])
@pytest.mark.parametrize("scale", [True, False])
def test_values_and_gradients_are_those_of_the_loop(shape: tuple[int, ...], scale: bool) -> None:
    layer = VirtualBatchNorm(3, reference_size=4, epsilon=1e-3, scale=scale).double()
    for k, parameter in enumerate(layer.parameters()):
        parameter.data.copy_(doubles(3, seed=k))
    x = (2 * doubles(*shape) + 1).requires_grad_()
    y, expected = layer(x), looped(x, layer)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-13)
    inputs, weights = [x, *layer.parameters()], doubles(*shape, seed=5)
    gradients = torch.autograd.grad((y * weights).sum(), inputs)
    for gradient, wanted in zip(gradients, torch.autograd.grad((expected * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradcheck(layer, x)


def test_an_examples_output_does_not_depend_on_the_others() -> None:
    layer = VirtualBatchNorm(3, reference_size=4).double()
    x = doubles(10, 3, 2, 2)
    changed = x.clone()
    changed[7:] = 100 * doubles(3, 3, 2, 2, seed=1)
    torch.testing.assert_close(layer(x)[:7], layer(changed)[:7], rtol=0, atol=0)


def test_means_far_from_zero_in_fp32_give_no_nan() -> None:
    layer = VirtualBatchNorm(3, reference_size=4)
    assert layer(torch.randn(9, 3, 4, 4) * 1e-3 + 1e3).isfinite().all()


def test_bf16_in_bf16_out_with_fp32_statistics() -> None:
    layer = VirtualBatchNorm(3, reference_size=4)
    x = torch.randn(9, 3, 4, 4).bfloat16()
    y = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x.float()), rtol=1e-2, atol=1e-2)


def generator(reference_size: int) -> VirtualBatchNormGenerator:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Linear(5, 3 * 4, bias=False),
        nn.Unflatten(1, (3, 2, 2)),
        VirtualBatchNorm(3, reference_size, epsilon=1e-6, scale=True),
        nn.ReLU(),
        nn.ConvTranspose2d(3, 4, 2, stride=2, bias=False),
        VirtualBatchNorm(4, reference_size),
        nn.Tanh(),
    ).double()
    return VirtualBatchNormGenerator(layers, doubles(reference_size, 5, seed=1))


def test_the_reference_goes_through_the_current_generator_with_gradient() -> None:
    pair = generator(6)
    latents = doubles(4, 5, seed=2)
    images = pair(latents)
    assert images.shape == (4, 4, 4, 4)

    joined = torch.cat([pair.reference_latents, latents])
    for layer in pair.generator:
        joined = looped(joined, layer) if isinstance(layer, VirtualBatchNorm) else layer(joined)
    torch.testing.assert_close(images, joined[6:])
    weights, inputs = doubles(4, 4, 4, 4, seed=3), list(pair.parameters())
    gradients = torch.autograd.grad((images * weights).sum(), inputs)
    for gradient, wanted in zip(gradients, torch.autograd.grad((joined[6:] * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-11)


def test_a_frozen_reference_gives_the_same_samples() -> None:
    pair = generator(6)
    latents = doubles(4, 5, seed=2)
    expected = pair(latents)
    seen: list[int] = []
    pair.generator[0].register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    with torch.no_grad(), pair.freeze_reference():
        torch.testing.assert_close(pair(latents), expected.detach(), rtol=1e-13, atol=1e-14)
        torch.testing.assert_close(pair(latents[:1]), expected[:1].detach(), rtol=1e-13, atol=1e-14)
    assert seen == [6, 4, 1]
    torch.testing.assert_close(pair(latents), expected)


def test_freezing_takes_the_weights_of_its_moment() -> None:
    pair = generator(6)
    latents = doubles(4, 5, seed=2)
    pair(latents)
    pair.generator[0].weight.data.mul_(1.5).add_(0.1)
    with torch.no_grad():
        expected = pair(latents)
        with pair.freeze_reference():
            torch.testing.assert_close(pair(latents), expected, rtol=1e-13, atol=1e-14)


def test_the_reference_travels_with_the_state() -> None:
    pair, other = generator(6), generator(6)
    other.reference_latents.zero_()
    other.load_state_dict(pair.state_dict())
    assert torch.equal(other.reference_latents, pair.reference_latents)
    assert "reference_latents" in pair.state_dict() and len(list(pair.parameters())) == 5
