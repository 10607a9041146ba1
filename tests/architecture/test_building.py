"""Every pair with either normalisation, with and without a minibatch layer, on the CPU and on a (fake) GPU."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from improved_gan.architecture import build_discriminator, build_generator, check_architecture
from improved_gan.config import UsageError
from improved_gan.layers.batch_norm import BatchNorm
from improved_gan.layers.weight_norm import data_dependent_initialisation

NAMES = ["digits_conv", "mnist_mlp", "cifar10_conv", "svhn_conv", "imagenet_dcgan"]
RANGES = {"digits_conv": (0, 1), "mnist_mlp": (0, 1), "cifar10_conv": (-1, 1), "svhn_conv": (-1, 1)}


def play(config, normalisation, minibatch_layer):
    """Build both networks on the default device and show the discriminator real and generated images."""
    generator = build_generator(config, normalisation)
    discriminator = build_discriminator(config, 7, minibatch_layer)
    fake = generator(torch.rand(3, generator.latent_size))
    real = torch.rand(3, *config.image_shape)
    return generator, discriminator, fake, discriminator(real, fake)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other_normalisation", [False, True])
@pytest.mark.parametrize("with_minibatch_layer", [False, True])
def test_builds_and_learns(name, other_normalisation, with_minibatch_layer, architecture, layer_norm, closeness):
    torch.manual_seed(0)
    config = architecture(name, width=8, generator_width=8)
    normalisation = layer_norm if other_normalisation else BatchNorm
    generator, discriminator, fake, (real_output, fake_output) = play(
        config, normalisation, closeness if with_minibatch_layer else None
    )
    assert list(fake.shape) == [3, *config.image_shape]
    low, high = RANGES.get(name, (-1, 1))
    assert low <= fake.min() and fake.max() <= high
    assert sum(isinstance(m, normalisation) for m in generator.modules()) == {
        "digits_conv": 2, "mnist_mlp": 2, "cifar10_conv": 3, "svhn_conv": 3, "imagenet_dcgan": 6
    }[name]  # fmt: skip
    (real_output.logits.logsumexp(1) - fake_output.logits.logsumexp(1)).sum().backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None and parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", ["cifar10_conv", "digits_conv"])
@pytest.mark.parametrize("place", ["per_unit", "per_channel"])
def test_first_normalisation(name, place, architecture):
    config = architecture(name, first_normalisation=place, generator_width=8)
    norms = [m.shift.numel() for m in build_generator(config).modules() if isinstance(m, BatchNorm)]
    channels = {"cifar10_conv": 32, "digits_conv": 16}[name]
    assert norms[0] == (channels * 16 if place == "per_unit" else channels)


@pytest.mark.parametrize("kind", ["dropout", "noise", None])
def test_input_regulariser(kind, architecture):
    discriminator = build_discriminator(architecture("cifar10_conv", input_regulariser=kind, width=8), 10)
    assert (
        type(discriminator.trunk[0]).__name__
        == {"dropout": "Dropout", "noise": "GaussianNoise", None: "Identity"}[kind]
    )


def test_wrong_sizes_are_named(architecture):
    with pytest.raises(UsageError, match=r"architecture.image_shape=\[3, 28, 28\]: .* \[channels, 32, 32\]"):
        check_architecture(architecture("cifar10_conv", image_shape=[3, 28, 28]), None)
    with pytest.raises(UsageError, match=r"architecture.width=7: .* even"):
        check_architecture(architecture("imagenet_dcgan", width=7), None)


def test_mnist_mlp_takes_any_shape(architecture):
    config = architecture("mnist_mlp", image_shape=[3, 5, 4], width=8, generator_width=8)
    *_, fake, outputs = play(config, BatchNorm, None)
    assert fake.shape == (3, 3, 5, 4) and outputs[0].logits.shape == (3, 7)


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_on_the_default_device(name, architecture, closeness):
    """With fake tensors a network is built and run as on a GPU; what was left on the CPU is an error."""
    previous = torch.get_default_device()
    torch.set_default_device("cuda")
    try:
        with FakeTensorMode():
            generator, discriminator, fake, outputs = play(architecture(name), BatchNorm, closeness)
            data_dependent_initialisation(generator, torch.rand(4, generator.latent_size))
            data_dependent_initialisation(discriminator, torch.rand(4, *architecture(name).image_shape))
            tensors = [fake, *outputs[0], *outputs[1], *generator.state_dict().values()]
            assert {tensor.device.type for tensor in [*tensors, *discriminator.state_dict().values()]} == {"cuda"}
    finally:
        torch.set_default_device(previous)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", NAMES)
def test_learns_on_a_gpu(name, architecture, closeness):
    config = architecture(name, width=16, generator_width=16)
    generator, discriminator = build_generator(config).cuda(), build_discriminator(config, 7, closeness).cuda()
    real = torch.rand(3, *config.image_shape, device="cuda")
    data_dependent_initialisation(discriminator, real)
    outputs = discriminator(real, generator(torch.rand(3, generator.latent_size, device="cuda")))
    sum(output.logits.square().sum() for output in outputs).backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None and parameter.grad.isfinite().all()
