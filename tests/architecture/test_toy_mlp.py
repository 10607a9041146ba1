"""The small pair for points: its layers, and that nothing normalises unless it is asked to."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from improved_gan.architecture import build_discriminator, build_generator
from improved_gan.layers.batch_norm import BatchNorm, ScaleShift

COORDINATES = (1, 2)


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_layers(architecture: Callable[..., Any], coordinates: int) -> None:
    config = architecture("toy_mlp", image_shape=[coordinates, 1, 1], latent_size=3)
    generator, discriminator = build_generator(config, ScaleShift), build_discriminator(config, 1)
    assert [tuple(p.shape) for p in generator.parameters() if p.ndim == 2] == [(128, 3), (128, 128), (coordinates, 128)]
    assert [tuple(p.shape) for p in discriminator.parameters() if p.ndim == 2] == [
        (128, coordinates),
        (128, 128),
        (1, 128),
    ]
    assert generator(torch.randn(5, 3)).shape == (5, coordinates, 1, 1)


def test_the_forward_pass_is_the_formula(architecture: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    config = architecture("toy_mlp", image_shape=[2, 1, 1], width=4, generator_width=5)
    generator, discriminator = build_generator(config, ScaleShift), build_discriminator(config, 1)
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        nn.init.normal_(parameter)
    z, x = torch.randn(6, 2), torch.randn(6, 2)
    w1, b1, w2, b2, w3, b3 = generator.parameters()
    expected = torch.tanh(torch.tanh(z @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
    torch.testing.assert_close(generator(z).flatten(1), expected)
    w1, b1, w2, b2, w3, b3 = discriminator.parameters()
    features = torch.relu(torch.relu(x @ w1.T + b1) @ w2.T + b2)
    (found,) = discriminator(x[:, :, None, None])
    torch.testing.assert_close(found.features, features)
    torch.testing.assert_close(found.logits, features @ w3.T + b3)


def test_other_layers_go_where_they_belong(
    architecture: Callable[..., Any], closeness: Callable[[int], nn.Module]
) -> None:
    config = architecture("toy_mlp", image_shape=[2, 1, 1], width=4)
    assert sum(isinstance(module, BatchNorm) for module in build_generator(config, BatchNorm).modules()) == 2
    discriminator = build_discriminator(config, 1, closeness)
    (found,) = discriminator(torch.randn(6, 2, 1, 1))
    assert found.features.shape == (6, 4) and found.logits.shape == (6, 1)
    assert next(discriminator.head.parameters()).shape == (1, 7)


def test_unnormalised_is_scale_and_shift() -> None:
    layer = ScaleShift(3, scale=True)
    assert layer.scale is not None
    nn.init.constant_(layer.scale, 2.0)
    nn.init.constant_(layer.shift, 1.0)
    x = torch.randn(4, 3, 2, 2)
    torch.testing.assert_close(layer(x), 2 * x + 1)
    torch.testing.assert_close(ScaleShift(3)(x), x)
