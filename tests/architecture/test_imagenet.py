import pytest
import torch
from torch import nn

from improved_gan.architecture import build_discriminator, build_generator
from improved_gan.layers.imagenet import HalfRealHalfGeneratedBatchNorm

LEVELS = [(64, 4), (64, 8), (32, 16), (16, 32), (8, 64), (8, 128)]  # noise channels and side
SMALL = [(16, 4), (16, 8), (8, 16), (4, 32), (2, 64), (2, 128)]  # at width 16


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 2, 3)])
def test_half_real_half_generated_batch_norm_against_a_loop(shape):
    torch.manual_seed(0)
    norm = HalfRealHalfGeneratedBatchNorm(6).double()
    nn.init.normal_(norm.scale)
    nn.init.normal_(norm.shift)
    x = torch.randn(shape, dtype=torch.float64)
    x[3:] = x[3:] * 3 + 2  # the first three are real
    expected = torch.empty_like(x)
    for channel in range(6):
        own = x[:3, channel] if channel < 3 else x[3:, channel]
        values = [v.item() for v in own.flatten()]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        for example in range(5):
            centred = x[example, channel] - mean
            expected[example, channel] = norm.scale[channel] * centred / (variance + 1e-5) ** 0.5 + norm.shift[channel]

    def apply(x):
        return norm(x, slice(0, 3), slice(3, 5))

    torch.testing.assert_close(apply(x), expected)
    assert torch.autograd.gradcheck(apply, x.requires_grad_())


@pytest.fixture
def discriminator(architecture):
    torch.manual_seed(0)
    return build_discriminator(architecture("imagenet_dcgan", width=2), 11).eval()


def test_first_half_of_channels_sees_the_reals_only(discriminator):
    real, fake, other = torch.rand(3, 3, 3, 128, 128).unbind()
    first_norms_output = []
    discriminator.trunk.norms[0].register_forward_hook(lambda _, __, output: first_norms_output.append(output))
    discriminator.features(real, fake)
    discriminator.features(real, other)
    one, two = (output[:3] for output in first_norms_output)  # what the reals became
    torch.testing.assert_close(one[:, 0], two[:, 0])
    assert not torch.allclose(one[:, 1], two[:, 1])


def test_a_further_batch_does_not_disturb_the_two(discriminator):
    real, fake, labelled = torch.rand(3, 4, 3, 128, 128).unbind()
    pair, three = discriminator(real, fake), discriminator(real, fake, labelled)
    for alone, beside in zip(pair, three[:2], strict=True):
        torch.testing.assert_close(alone.logits, beside.logits, rtol=1e-3, atol=1e-6)
    *_, again = discriminator(real, fake, real)
    torch.testing.assert_close(again.logits, pair[0].logits, rtol=1e-3, atol=1e-6)
    assert discriminator.couples_batches and three[2].logits.shape == (4, 11)


def test_a_batch_alone_stands_for_both_kinds(discriminator):
    images = torch.rand(4, 3, 128, 128)
    (alone,) = discriminator(images)
    real, fake = discriminator(images, images)
    torch.testing.assert_close(alone.logits, real.logits, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(real.logits, fake.logits, rtol=1e-3, atol=1e-6)


def test_both_batches_go_into_the_minibatch_layer_together(architecture, closeness):
    discriminator = build_discriminator(architecture("imagenet_dcgan", width=2), 11, closeness)
    calls = []
    discriminator.minibatch_layer.register_forward_hook(lambda _, given, __: calls.append([f.shape for f in given]))
    discriminator(torch.rand(2, 3, 128, 128), torch.rand(2, 3, 128, 128))
    assert calls == [[(2, 80), (2, 80)]] and discriminator.head.in_features == 83


def test_noise_channels_of_every_level(architecture):
    """Each level's noise arrives behind that level's channels, unnormalised and in the order of the latents."""
    torch.manual_seed(0)
    generator = build_generator(architecture("imagenet_dcgan", latent_size=10, generator_width=16))
    latents = torch.rand(2, generator.latent_size) * 2 - 1
    inputs = []
    for layer in (*generator.layers[1:], generator.output):
        layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    generator(latents)
    offset = 10
    for x, (channels, side) in zip(inputs, SMALL, strict=True):
        assert x.shape[2:] == (side, side)
        for channel in range(channels):
            for row in (0, side - 1):
                start = offset + (channel * side + row) * side
                assert torch.equal(x[:, x.shape[1] - channels + channel, row], latents[:, start : start + side])
        assert (x[:, : x.shape[1] - channels] >= 0).all()
        offset += channels * side * side
    assert offset == latents.shape[1]


def test_noise_channels_are_as_published(architecture):
    generator = build_generator(architecture("imagenet_dcgan", latent_size=1))
    assert generator.noise_shapes == [(channels, side, side) for channels, side in LEVELS]


@pytest.mark.parametrize("level", range(6))
def test_each_levels_noise_reaches_the_image(level, architecture):
    generator = build_generator(architecture("imagenet_dcgan", latent_size=4, generator_width=16))
    latents = torch.rand(2, generator.latent_size, requires_grad=True)
    gradient = torch.autograd.grad(generator(latents)[0].square().sum(), latents)[0][0]
    start = 4 + sum(channels * side**2 for channels, side in SMALL[:level])
    channels, side = SMALL[level]
    assert (gradient[start : start + channels * side**2] != 0).float().mean() > 0.9
