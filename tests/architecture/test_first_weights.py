import pytest
import torch

from improved_gan.architecture import build_discriminator, build_generator
from improved_gan.layers.weight_norm import WeightNorm, data_dependent_initialisation


@pytest.mark.parametrize("name", ["mnist_mlp", "cifar10_conv", "svhn_conv", "digits_conv"])
def test_every_discriminator_layer_starts_normalised(name, architecture, closeness):
    """Noise and dropout are on and drawn anew a layer at a time, so the pass itself is watched."""
    torch.manual_seed(0)
    config = architecture(name, width=32)
    discriminator = build_discriminator(config, 10, closeness).eval()
    expected = [1.0] * (5 if name == "mnist_mlp" else 4 if name == "digits_conv" else 9)
    expected.append(1.0 if name == "mnist_mlp" else 0.1)
    seen = []

    def record(layer, _, output):
        axes = [0, *range(2, output.ndim)]
        assert discriminator.training and layer.initialising
        seen.append((output.mean(axes).abs().max().item(), output.std(axes, correction=0)))

    for layer in discriminator.modules():
        if isinstance(layer, WeightNorm):
            layer.register_forward_hook(record)
    images = torch.rand(100, *config.image_shape)
    data_dependent_initialisation(discriminator, images)
    assert not discriminator.training
    assert not any(getattr(module, "initialising", False) for module in discriminator.modules())
    assert len(seen) == len(expected)
    for (mean, deviations), std in zip(seen, expected, strict=True):
        assert mean < 1e-4 * std
        torch.testing.assert_close(deviations, torch.full_like(deviations, std), rtol=1e-4, atol=0)


@pytest.mark.parametrize(("name", "std"), [("cifar10_conv", 0.1), ("svhn_conv", 0.1), ("digits_conv", 1.0)])
def test_the_generators_output_starts_normalised(name, std, architecture):
    torch.manual_seed(0)
    generator = build_generator(architecture(name, generator_width=16))
    latents = torch.rand(100, generator.latent_size)
    data_dependent_initialisation(generator, latents)
    (output,) = [m for m in generator.modules() if isinstance(m, WeightNorm)]
    seen = []
    output.register_forward_hook(lambda _, __, y: seen.append(y))
    generator(latents)
    (pre_activation,) = seen
    means, deviations = pre_activation.mean((0, 2, 3)), pre_activation.std((0, 2, 3), correction=0)
    torch.testing.assert_close(means, torch.zeros_like(means), rtol=0, atol=1e-5)
    torch.testing.assert_close(deviations, torch.full_like(deviations, std), rtol=1e-4, atol=0)


def test_mnists_generator_is_not_initialised_from_data(architecture):
    generator = build_generator(architecture("mnist_mlp"))
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    data_dependent_initialisation(generator, torch.rand(20, 100))
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
