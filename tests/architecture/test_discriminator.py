import pytest
import torch
from torch import nn

from improved_gan.architecture import build_discriminator
from improved_gan.layers.discriminator import Discriminator

SEPARATE = ["mnist_mlp", "cifar10_conv", "svhn_conv", "digits_conv"]


@pytest.mark.parametrize("name", SEPARATE)
@pytest.mark.parametrize("with_minibatch_layer", [False, True])
def test_joined_batches_give_what_separate_ones_give(name, with_minibatch_layer, architecture, closeness):
    torch.manual_seed(0)
    config = architecture(name, width=8)
    discriminator = build_discriminator(config, 10, closeness if with_minibatch_layer else None).double().eval()
    batches = [torch.rand(n, *config.image_shape, dtype=torch.float64) for n in (3, 5, 2)]
    together = discriminator(*batches)
    apart = [discriminator(batch)[0] for batch in batches]
    features = discriminator.features(*batches)
    for joined, single, only, batch in zip(together, apart, features, batches, strict=True):
        assert joined.logits.shape == (len(batch), 10) and len(joined.features) == len(batch)
        torch.testing.assert_close(joined.features, single.features)
        torch.testing.assert_close(joined.logits, single.logits)
        torch.testing.assert_close(joined.features, only)
    assert not discriminator.couples_batches


@pytest.mark.parametrize("name", SEPARATE)
def test_joined_batches_draw_their_own_noise(name, architecture):
    torch.manual_seed(0)
    config = architecture(name, width=8)
    discriminator = build_discriminator(config, 10)
    images = torch.rand(4, *config.image_shape)
    first, second = discriminator(images, images)
    assert not torch.equal(first.features, second.features)


def test_features_come_before_the_minibatch_layer_and_logits_after(closeness):
    discriminator = Discriminator(nn.Flatten(), 4, lambda inputs: nn.Linear(inputs, 2).double(), closeness)
    batch = torch.arange(8.0).double().view(2, 1, 2, 2)
    ((features, logits),) = discriminator(batch)
    assert torch.equal(features, batch.flatten(1))
    appended = torch.cat([features, torch.full((2, 3), 3.5, dtype=torch.float64)], 1)
    torch.testing.assert_close(logits, discriminator.head(appended))


def test_mnists_features_are_the_third_250_after_relu_without_noise(architecture):
    torch.manual_seed(0)
    discriminator = build_discriminator(architecture("mnist_mlp"), 10)
    seen = {}
    for place, module in enumerate(discriminator.trunk):
        module.register_forward_hook(lambda _, __, output, place=place: seen.update({place: output}))
    ((features, _),) = discriminator(torch.rand(4, 1, 28, 28))
    assert isinstance(discriminator.trunk[-1], nn.ReLU) and features.shape == (4, 250)
    assert torch.equal(features, seen[max(seen)]) and (features >= 0).all() and (features == 0).any()


def test_cifar10s_features_are_the_means_over_space_with_dropout_on(architecture):
    torch.manual_seed(0)
    discriminator = build_discriminator(architecture("cifar10_conv", width=8), 10)
    before_pooling = []
    discriminator.trunk[-3].register_forward_hook(lambda _, __, output: before_pooling.append(output))
    images = torch.rand(4, 3, 32, 32)
    (features,) = discriminator.features(images)
    torch.testing.assert_close(features, before_pooling[0].mean((2, 3)))
    assert not torch.equal(features, discriminator.features(images)[0])


@pytest.mark.parametrize("name", ["cifar10_conv", "digits_conv"])
def test_channels_last_changes_nothing_but_the_layout(name, architecture):
    torch.manual_seed(0)
    config = architecture(name, width=16)
    discriminator = build_discriminator(config, 10).eval()
    images = torch.rand(4, *config.image_shape)
    expected = discriminator(images)[0].logits
    discriminator.to(memory_format=torch.channels_last)
    actual = discriminator(images.to(memory_format=torch.channels_last))[0].logits
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    weight = discriminator.trunk[2][0].weight()
    assert weight.is_contiguous(memory_format=torch.channels_last)
