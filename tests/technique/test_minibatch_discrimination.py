"""Section 3.2 against its equations, written as loops in float64: values, gradients, initialisation."""

import math

import pytest
import torch
from torch import Tensor

from improved_gan.kernels.minibatch_features import minibatch_features, plain_minibatch_features
from improved_gan.layers.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def closeness(first: Tensor, second: Tensor) -> Tensor:
    """exp(-||first - second||_1) of two points (dim,), a coordinate at a time."""
    distance = first.new_zeros(())
    for a, b in zip(first, second, strict=True):
        distance = distance + torch.abs(a - b)
    return torch.exp(-distance)


def looped_sums(projected: Tensor, include_self: bool) -> Tensor:
    n, kernels, _ = projected.shape
    rows = []
    for i in range(n):
        row = []
        for b in range(kernels):
            total = projected.new_zeros(())
            for j in range(n):
                if i != j or include_self:
                    total = total + closeness(projected[i, b], projected[j, b])
            row.append(total)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def looped_projection(features: Tensor, layer: MinibatchDiscrimination) -> Tensor:
    """M_i,b,c = sum_a f_a T_abc, where the release divides T by its norm over a and multiplies with exp(log-scale)."""
    inputs, kernels, dims = layer.projection.shape
    points = []
    for f in features:
        for b in range(kernels):
            for c in range(dims):
                column = layer.projection[:, b, c]
                if layer.log_scale is not None:
                    norm = torch.sqrt(sum((column[a] ** 2 for a in range(inputs)), start=torch.zeros(())))
                    column = torch.exp(layer.log_scale[b, c]) * column / norm
                points.append(sum((f[a] * column[a] for a in range(inputs)), start=torch.zeros(())))
    return torch.stack(points).view(len(features), kernels, dims)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("shape", [(7, 3, 2), (2, 1, 1), (6, 2, 5)])
def test_sums_and_their_gradient_are_those_of_the_loop(
    shape: tuple[int, int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("improved_gan.kernels.minibatch_features.ELEMENTS_PER_BLOCK", {"cpu": rows * math.prod(shape)})
    projected, weights = doubles(*shape).requires_grad_(), doubles(*shape[:2], seed=1)
    expected = looped_sums(projected, include_self=False)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), projected)
    for compute in (minibatch_features, plain_minibatch_features):
        sums = compute(projected)
        (gradient,) = torch.autograd.grad((sums * weights).sum(), projected)
        torch.testing.assert_close(sums, expected, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_too_large_to_keep_all_pairs_has_the_same_gradient_to_the_bit(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (7, 3, 2)
    name = "improved_gan.kernels.minibatch_features"
    monkeypatch.setattr(f"{name}.ELEMENTS_PER_BLOCK", {"cpu": rows * math.prod(shape)})
    projected, weights = doubles(*shape).requires_grad_(), doubles(*shape[:2], seed=1)

    def sums_and_gradient() -> tuple[Tensor, Tensor, int]:
        sums = minibatch_features(projected)
        assert sums.grad_fn is not None
        kept = len(sums.grad_fn.saved_tensors)  # type: ignore[attr-defined]
        return sums, torch.autograd.grad((sums * weights).sum(), projected)[0], kept

    kept = sums_and_gradient()
    monkeypatch.setattr(f"{name}.ELEMENTS_KEPT", 10)
    again = sums_and_gradient()
    assert torch.equal(kept[0], again[0]) and torch.equal(kept[1], again[1])
    assert kept[2] > again[2] == 1  # the projections alone


def test_the_form_across_batches_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = JointMinibatchDiscrimination(4, kernels=3, dims=2).double()
    batches = [doubles(5, 4, seed=seed).requires_grad_() for seed in (1, 2)]

    def output_and_gradients() -> list[Tensor]:
        made = torch.cat(layer(*batches))
        return [made, *torch.autograd.grad(made.square().sum(), [*batches, *layer.parameters()])]

    whole = output_and_gradients()
    monkeypatch.setattr("improved_gan.layers.minibatch_discrimination.ELEMENTS_AT_ONCE", 40)
    for part, expected in zip(output_and_gradients(), whole, strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-12, atol=1e-12)


def test_an_example_alone_is_close_to_nothing() -> None:
    projected = doubles(1, 4, 2).requires_grad_()
    sums = minibatch_features(projected)
    (gradient,) = torch.autograd.grad(sums.sum(), projected)
    assert not sums.any() and not gradient.any()


def test_gradcheck_and_the_gradient_of_the_gradient() -> None:
    projected = doubles(5, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(minibatch_features, projected)
    assert torch.autograd.gradgradcheck(minibatch_features, projected)


def test_equal_examples_pull_nowhere() -> None:
    point = doubles(1, 2, 3)
    projected = torch.cat([point, point, doubles(1, 2, 3, seed=1)]).requires_grad_()
    sums = minibatch_features(projected)
    weights = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((sums * weights).sum(), projected)
    (expected,) = torch.autograd.grad((looped_sums(projected, False) * weights).sum(), projected)
    torch.testing.assert_close(gradient, expected)
    assert (sums[0] > 1).all()


def test_far_and_near_examples_in_fp32() -> None:
    projected = torch.randn(20, 3, 4) * torch.tensor([1e-3, 1.0, 50.0])[None, :, None]
    expected = looped_sums(projected.double(), include_self=False)
    torch.testing.assert_close(minibatch_features(projected).double(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("normalised_projection", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_layer_in_every_form(include_self: bool, normalised_projection: bool, bias: bool) -> None:
    layer = MinibatchDiscrimination(4, 3, 2, include_self, normalised_projection, bias).double()
    for parameter in layer.parameters():
        parameter.data.copy_(doubles(*parameter.shape, seed=parameter.ndim))
    batches = [doubles(5, 4).requires_grad_(), doubles(3, 4, seed=9).requires_grad_()]
    outputs = layer(*batches)
    assert layer.out_features == 7
    inputs = [*batches, *layer.parameters()]
    total, expected_total = torch.zeros(()), torch.zeros(())
    for k, (features, output) in enumerate(zip(batches, outputs, strict=True)):
        sums = looped_sums(looped_projection(features, layer), include_self)
        if layer.bias is not None:
            sums = sums + layer.bias
        expected = torch.cat([features, sums], dim=1)
        torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-13)
        weights = doubles(*expected.shape, seed=k)
        total, expected_total = total + (output * weights).sum(), expected_total + (expected * weights).sum()
    gradients = torch.autograd.grad(total, inputs)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected_total, inputs), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-11, atol=1e-13)


def test_batches_are_compared_apart() -> None:
    layer = MinibatchDiscrimination(4, 3, 2, False, True, True)
    real, fake = torch.randn(6, 4), torch.randn(6, 4)
    together = layer(real, fake)
    torch.testing.assert_close(together[0], layer(real)[0])
    torch.testing.assert_close(together[1], layer(fake)[0])


def test_the_mean_scale_makes_the_mean_distance_one_however_near_the_nearest_are() -> None:
    layer = MinibatchDiscrimination(2, 3, 2, False, True, True, initial_scale="mean").double()
    points = doubles(4, 2).repeat_interleave(2, dim=0) + 1e-6 * doubles(8, 2, seed=1)  # pairs that all but coincide
    layer.initialising = True
    with torch.no_grad():
        (output,) = layer(points)
    projected = looped_projection(points, layer).detach()
    for b in range(3):
        apart = [float((projected[i, b] - projected[j, b]).abs().sum()) for i in range(8) for j in range(8) if i != j]
        assert sum(apart) / len(apart) == pytest.approx(1)
    assert output[:, 2:].mean(0).tolist() == pytest.approx([0, 0, 0], abs=1e-12)


def test_data_dependent_initialisation_is_the_releases() -> None:
    layer = MinibatchDiscrimination(4, 3, 2, False, True, True).double()
    assert layer.log_scale is not None and layer.bias is not None
    layer.log_scale.data.fill_(0.3)
    features = doubles(8, 4)
    before = looped_projection(features, layer).detach()
    layer.initialising = True
    with torch.no_grad():
        (output,) = layer(features)
    layer.initialising = False
    for b in range(3):
        smallest = [min(float((before[i, b] - before[j, b]).abs().sum()) for j in range(8) if j != i) for i in range(8)]
        expected = 0.3 - math.log(0.5 * sum(smallest) / 8)
        torch.testing.assert_close(layer.log_scale[b].detach(), torch.full((2,), expected, dtype=torch.float64))
    sums = looped_sums(looped_projection(features, layer), include_self=False)
    torch.testing.assert_close(layer.bias, -sums.mean(0))
    torch.testing.assert_close(output, layer(features)[0].detach())
    torch.testing.assert_close(output[:, 4:].mean(0), torch.zeros(3, dtype=torch.float64))


def test_joint_form_of_imagenet() -> None:
    layer = JointMinibatchDiscrimination(4, 3, 2).double()
    layer.projection.weight.data.copy_(doubles(6, 4))
    batches = [doubles(4, 4, seed=1).requires_grad_(), doubles(4, 4, seed=2).requires_grad_()]
    outputs = layer(*batches)
    assert layer.out_features == 10
    projected = [(batch @ layer.projection.weight.T + layer.projection.bias).view(4, 3, 2) for batch in batches]
    pairs = 2 * 4**2 - 4
    expected = []
    for own, points in enumerate(projected):
        rows = []
        for i in range(4):
            row = list(batches[own][i])
            for kind, others in enumerate(projected):
                for b in range(3):
                    close = [closeness(points[i, b], others[j, b]) for j in range(4) if (own, i) != (kind, j)]
                    row.append(torch.stack(close).sum() / pairs)
            rows.append(torch.stack(row))
        expected.append(torch.stack(rows))
    weights = doubles(8, 10, seed=3)
    inputs = [*batches, layer.projection.weight]
    gradients = torch.autograd.grad((torch.cat(outputs) * weights).sum(), inputs)
    wanted = torch.autograd.grad((torch.cat(expected) * weights).sum(), inputs)
    torch.testing.assert_close(torch.cat(outputs), torch.cat(expected), rtol=1e-12, atol=1e-14)
    for gradient, loop in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, loop, rtol=1e-11, atol=1e-13)


def test_joint_form_of_a_batch_alone_and_of_a_third_one() -> None:
    layer = JointMinibatchDiscrimination(4, 3, 2)
    real, fake, labelled = torch.randn(5, 4), torch.randn(5, 4), torch.randn(3, 4)
    (alone,) = layer(real)
    torch.testing.assert_close(alone[:, 4:7], alone[:, 7:])
    together = layer(real, fake, labelled)
    torch.testing.assert_close(torch.cat(together[:2]), torch.cat(layer(real, fake)))
    assert together[2].shape == (3, 10)


def test_distances_stay_fp32_under_autocast() -> None:
    layer = MinibatchDiscrimination(4, 3, 2, False, True, True)
    features = torch.randn(6, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (output,) = layer(features)
    torch.testing.assert_close(output, layer(features)[0])
