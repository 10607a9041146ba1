import pytest
import torch

from improved_gan.architecture.noise import Dropout, GaussianNoise

LAYOUTS = {
    "dense": torch.zeros(1000, 403),
    "channels_first": torch.zeros(50, 31, 16, 16),
    "channels_last": torch.zeros(50, 31, 16, 16).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("deviation", [0.1, 0.5])
def test_noise_is_normal_with_its_deviation(layout, deviation):
    torch.manual_seed(0)
    x = LAYOUTS[layout] + 3
    noise = (GaussianNoise(deviation)(x) - x) / deviation
    assert noise.stride() == x.stride()
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.var().item() == pytest.approx(1, abs=0.01)
    assert (noise**4).mean().item() == pytest.approx(3, abs=0.06)
    # No two rows (examples) share a draw, nor do neighbours within a row.
    rows = noise.flatten(1)
    correlation = rows @ rows.T / rows.shape[1]
    assert (correlation - correlation.diag().diag()).abs().max() < 7 / rows.shape[1] ** 0.5
    assert (rows[:, 1:] * rows[:, :-1]).mean().abs() < 0.01


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


@pytest.mark.parametrize("layer", [GaussianNoise(0.5), Dropout(0.5)])
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
