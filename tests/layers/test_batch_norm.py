import pytest
import torch
from torch import nn

from improved_gan.layers.batch_norm import BatchNorm


@pytest.mark.parametrize("shape", [(7, 3), (5, 3, 4, 2)])
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_against_a_loop(shape, scale, training):
    torch.manual_seed(0)
    norm = BatchNorm(3, epsilon=1e-2, scale=scale).double().train(training)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(shape, dtype=torch.float64) * 2 + 1
    expected = torch.empty_like(x)
    for channel in range(3):
        values = [v.item() for v in x[:, channel].flatten()]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        gamma = norm.scale[channel] if scale else 1.0
        expected[:, channel] = gamma * (x[:, channel] - mean) / (variance + 1e-2) ** 0.5 + norm.shift[channel]
    torch.testing.assert_close(norm(x), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(norm, x.requires_grad_())


def test_has_a_shift_no_scale_and_no_running_average_by_default():
    norm = BatchNorm(3)
    assert set(norm.state_dict()) == {"shift"} and norm.scale is None and norm.epsilon == 1e-6


def test_one_dense_example_has_no_statistics():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm(3)(torch.randn(1, 3))
