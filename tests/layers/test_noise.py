import pytest
import torch
from torch import nn

from improved_gan.kernels.normals import normals
from improved_gan.layers import noise
from improved_gan.layers.noise import Dropout, GaussianNoise, NoisySequential

CPU = torch.device("cpu")

LAYOUTS = {
    "dense": torch.zeros(1000, 403),
    "channels_first": torch.zeros(50, 31, 16, 16),
    "channels_last": torch.zeros(50, 31, 16, 16).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("std", [0.1, 0.5])
def test_noise_is_normal_with_its_deviation(layout, std):
    torch.manual_seed(0)
    x = LAYOUTS[layout] + 3
    added = (GaussianNoise(std)(x) - x) / std
    assert added.stride() == x.stride()
    assert added.mean().item() == pytest.approx(0, abs=0.01)
    assert added.var().item() == pytest.approx(1, abs=0.01)
    assert (added**4).mean().item() == pytest.approx(3, abs=0.06)
    # No two rows (examples) share a draw, nor do neighbours within a row.
    rows = added.flatten(1)
    correlation = rows @ rows.T / rows.shape[1]
    assert (correlation - correlation.diag().diag()).abs().max() < 7 / rows.shape[1] ** 0.5
    assert (rows[:, 1:] * rows[:, :-1]).mean().abs() < 0.01


def test_normals_follow_the_normal_distribution_into_its_tails():
    torch.manual_seed(0)
    drawn = normals(4_000_001, CPU).double().sort().values
    at = torch.tensor([-4.5, -4.0, -3.0, -2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5]).double()
    share = torch.searchsorted(drawn, at) / len(drawn)
    expected = torch.special.ndtr(at)
    assert ((share - expected).abs() < 4 * (expected * (1 - expected) / len(drawn)).sqrt()).all()
    assert 4.9 < drawn.abs().max() < 5.43


def test_normals_are_independent_within_a_draw_and_between_draws():
    torch.manual_seed(0)
    first, second = normals(1_000_000, CPU), normals(1_000_000, CPU)
    for one, other in [(first, second), (first[1:], first[:-1]), (first[2:], first[:-2]), (first[1:], second[:-1])]:
        assert (one * other).mean().abs() < 4e-3
        assert (one.square() * other.square()).mean() == pytest.approx(1, abs=0.012)


def test_normals_come_from_the_seed_whatever_the_number_of_threads():
    threads, drawn = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            torch.manual_seed(0)
            drawn.append(normals(300_000, CPU))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*drawn)


@pytest.mark.parametrize("many", [0, 10**9])
def test_noise_drawn_at_once_or_apart_has_each_layers_deviation(many, monkeypatch):
    monkeypatch.setattr(noise, "MANY", many)
    torch.manual_seed(0)
    seen = []
    layers = [nn.Linear(403, 211), nn.Linear(211, 5)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    noisy = NoisySequential(GaussianNoise(0.3), layers[0], GaussianNoise(0.5), layers[1], noisy=[403, 211])
    x = torch.rand(1000, 403, requires_grad=True)
    y = noisy(x)
    first, second = seen[0] - x, seen[1] - layers[0](seen[0])
    assert first.std().item() == pytest.approx(0.3, rel=0.01) and second.std().item() == pytest.approx(0.5, rel=0.01)
    assert (first[:, :211] * second).mean().abs() < 2e-3
    torch.testing.assert_close(y, layers[1](seen[1]))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, (layers[1].weight.sum(0) @ layers[0].weight).expand(1000, 403))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_drops_its_rate_and_keeps_the_mean(layout, rate):
    torch.manual_seed(0)
    x = (LAYOUTS[layout] + 2).requires_grad_()
    y = Dropout(rate)(x)
    assert y.stride() == x.stride()
    values = y.detach().unique()
    torch.testing.assert_close(values, torch.tensor([0.0, 2 / (1 - rate)]))
    dropped = (y == 0).float()
    assert dropped.mean().item() == pytest.approx(rate, abs=0.004)
    rows = (dropped - rate).flatten(1)
    assert (rows[:, 1:] * rows[:, :-1]).mean().abs() < 0.003
    assert (rows[:, 4:] * rows[:, :-4]).mean().abs() < 0.003
    assert dropped.mean(0).std() < 1.2 * (rate * (1 - rate) / len(x)) ** 0.5
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, y.detach() / 2)


@pytest.mark.parametrize("layer", [GaussianNoise(0.5), Dropout(0.5), NoisySequential(GaussianNoise(0.5), noisy=[7])])
def test_off_in_evaluation_fresh_in_training_same_with_the_same_seed(layer):
    x = torch.ones(13, 7)
    assert torch.equal(layer.eval()(x), x)
    layer.train()
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first) and not torch.equal(first, second)
    assert torch.equal(x, torch.ones(13, 7))


@pytest.mark.parametrize("layer", [GaussianNoise(0.5), Dropout(0.0)])
def test_gradient_reaches_the_input(layer):
    x = torch.ones(13, 7, requires_grad=True)
    layer.train()(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(13, 7))


def test_no_elements():
    assert Dropout(0.5)(torch.ones(0, 7)).shape == (0, 7)
