import pytest
import torch
from torch import nn

from improved_gan.layers.weight_norm import (
    WeightNorm,
    WeightNormConv2d,
    WeightNormConvTranspose2d,
    WeightNormLinear,
    data_dependent_initialisation,
)

LAYERS = {
    "dense": (lambda **k: WeightNormLinear(5, 3, std=0.1, **k), (4, 5)),
    "convolution": (lambda **k: WeightNormConv2d(2, 3, 3, stride=2, padding=1, std=0.05, **k), (4, 2, 6, 6)),
    "transposed": (
        lambda **k: WeightNormConvTranspose2d(2, 3, 5, stride=2, padding=2, output_padding=1, std=0.05, **k),
        (4, 2, 3, 3),
    ),
}


@pytest.fixture(params=LAYERS)
def layer_and_input(request):
    torch.manual_seed(0)
    make, shape = LAYERS[request.param]
    layer = make(train_gain=True, epsilon=1e-3).double()
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.bias)
    return layer, torch.randn(shape, dtype=torch.float64)


def written_out(layer: WeightNorm) -> torch.Tensor:
    """W = g v / sqrt(epsilon + |v|²), one output unit after the other."""
    weight = torch.empty_like(layer.direction)
    transposed = isinstance(layer, WeightNormConvTranspose2d)
    for unit in range(len(layer.bias)):
        place = (slice(None), unit) if transposed else (unit,)
        v = layer.direction[place]
        squared_length = sum(x.item() ** 2 for x in v.flatten())
        weight[place] = layer.gain[unit] * v / (layer.epsilon + squared_length) ** 0.5
    return weight


def test_weight_is_the_formula(layer_and_input):
    layer, x = layer_and_input
    with torch.no_grad():
        weight = written_out(layer)
        torch.testing.assert_close(layer.weight(), weight, rtol=1e-13, atol=0)
        torch.testing.assert_close(layer(x), layer.product(x, weight, layer.bias), rtol=1e-12, atol=1e-13)


def test_gradients(layer_and_input):
    layer, x = layer_and_input
    names, values = zip(*layer.named_parameters(), strict=True)

    def output(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), x)

    assert set(names) == {"direction", "bias", "gain"}
    assert torch.autograd.gradcheck(output, (x.requires_grad_(), *(v.detach().requires_grad_() for v in values)))


def test_a_gain_that_is_not_trained_is_a_buffer():
    layer = WeightNormLinear(5, 3, std=0.1)
    assert {name for name, _ in layer.named_parameters()} == {"direction", "bias"}
    assert set(layer.state_dict()) == {"direction", "bias", "gain"}


@pytest.mark.parametrize("kind", LAYERS)
def test_initialisation_sets_gain_and_bias(kind):
    torch.manual_seed(0)
    make, shape = LAYERS[kind]
    layer = make(init_std=0.3).double()
    direction = layer.direction.clone()
    x = torch.randn(200, *shape[1:], dtype=torch.float64) + 2
    data_dependent_initialisation(layer, x)
    y = layer(x)
    axes = [0, *range(2, y.ndim)]
    torch.testing.assert_close(y.mean(axes), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(y.std(axes, correction=0), torch.full((3,), 0.3, dtype=torch.float64))
    assert torch.equal(layer.direction, direction) and not layer.initialising


def test_a_layer_without_init_deviation_stays_as_it_is():
    layer = WeightNormLinear(5, 3, std=0.1, init_std=None)
    data_dependent_initialisation(layer, torch.randn(10, 5))
    assert torch.equal(layer.gain, torch.ones(3)) and not layer.bias.any()


def test_a_unit_that_nothing_reaches_is_left_alone():
    layer = WeightNormLinear(5, 3, std=0.1)
    data_dependent_initialisation(layer, torch.zeros(10, 5))
    assert torch.equal(layer.gain, torch.ones(3)) and not layer.bias.any()
