"""Spectral normalisation against singular values."""

import torch
from torch import nn

from improved_gan.layers.weight_norm import WeightNormConv2d, WeightNormLinear, without_weight_norm
from improved_gan.technique.spectral_norm import normalise_spectrally


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
