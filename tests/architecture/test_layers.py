"""Every layer of every pair, against tables written out from the release's scripts: kind, output shape, parameters."""

import pytest
import torch
from torch import nn

from improved_gan.architecture import build_discriminator, build_generator
from improved_gan.layers.noise import Dropout, GaussianNoise
from improved_gan.layers.products import FullPrecision
from improved_gan.layers.weight_norm import WeightNorm

# Trained parameters: weights, then biases (shifts), then gains.
TABLES = {
    "mnist_mlp": {
        "generator": [
            ("Linear", (500,), 100 * 500),
            ("BatchNorm", (500,), 500),
            ("Softplus", (500,), 0),
            ("Linear", (500,), 500 * 500),
            ("BatchNorm", (500,), 500),
            ("Softplus", (500,), 0),
            ("WeightNormLinear", (784,), 500 * 784 + 784 + 784),
            ("Sigmoid", (784,), 0),
            ("Unflatten", (1, 28, 28), 0),
        ],
        "discriminator": [
            ("Flatten", (784,), 0),
            ("GaussianNoise 0.3", (784,), 0),
            ("WeightNormLinear init 1.0", (1000,), 784 * 1000 + 1000),
            ("ReLU", (1000,), 0),
            ("GaussianNoise 0.5", (1000,), 0),
            ("WeightNormLinear init 1.0", (500,), 1000 * 500 + 500),
            ("ReLU", (500,), 0),
            ("GaussianNoise 0.5", (500,), 0),
            ("WeightNormLinear init 1.0", (250,), 500 * 250 + 250),
            ("ReLU", (250,), 0),
            ("GaussianNoise 0.5", (250,), 0),
            ("WeightNormLinear init 1.0", (250,), 250 * 250 + 250),
            ("ReLU", (250,), 0),
            ("GaussianNoise 0.5", (250,), 0),
            ("WeightNormLinear init 1.0", (250,), 250 * 250 + 250),
            ("ReLU", (250,), 0),
            ("GaussianNoise 0.5", (250,), 0),
            ("WeightNormLinear init 1.0", (10,), 250 * 10 + 10 + 10),
        ],
    },
    "cifar10_conv": {
        "generator": [
            ("Linear", (8192,), 100 * 8192),
            ("BatchNorm", (8192,), 8192),
            ("ReLU", (8192,), 0),
            ("Unflatten", (512, 4, 4), 0),
            ("ConvTranspose2d", (256, 8, 8), 512 * 256 * 25),
            ("BatchNorm", (256, 8, 8), 256),
            ("ReLU", (256, 8, 8), 0),
            ("ConvTranspose2d", (128, 16, 16), 256 * 128 * 25),
            ("BatchNorm", (128, 16, 16), 128),
            ("ReLU", (128, 16, 16), 0),
            ("WeightNormConvTranspose2d init 0.1", (3, 32, 32), 128 * 3 * 25 + 3 + 3),
            ("Tanh", (3, 32, 32), 0),
        ],
        "discriminator": [
            ("Dropout 0.2", (3, 32, 32), 0),
            ("WeightNormConv2d init 1.0", (96, 32, 32), 3 * 96 * 9 + 96),
            ("LeakyReLU 0.2", (96, 32, 32), 0),
            ("WeightNormConv2d init 1.0", (96, 32, 32), 96 * 96 * 9 + 96),
            ("LeakyReLU 0.2", (96, 32, 32), 0),
            ("WeightNormConv2d init 1.0", (96, 16, 16), 96 * 96 * 9 + 96),
            ("LeakyReLU 0.2", (96, 16, 16), 0),
            ("Dropout 0.5", (96, 16, 16), 0),
            ("WeightNormConv2d init 1.0", (192, 16, 16), 96 * 192 * 9 + 192),
            ("LeakyReLU 0.2", (192, 16, 16), 0),
            ("WeightNormConv2d init 1.0", (192, 16, 16), 192 * 192 * 9 + 192),
            ("LeakyReLU 0.2", (192, 16, 16), 0),
            ("WeightNormConv2d init 1.0", (192, 8, 8), 192 * 192 * 9 + 192),
            ("LeakyReLU 0.2", (192, 8, 8), 0),
            ("Dropout 0.5", (192, 8, 8), 0),
            ("WeightNormConv2d init 1.0", (192, 6, 6), 192 * 192 * 9 + 192),
            ("LeakyReLU 0.2", (192, 6, 6), 0),
            ("WeightNormConv2d init 1.0", (192, 6, 6), 192 * 192 + 192),
            ("LeakyReLU 0.2", (192, 6, 6), 0),
            ("WeightNormConv2d init 1.0", (192, 6, 6), 192 * 192 + 192),
            ("LeakyReLU 0.2", (192, 6, 6), 0),
            ("AdaptiveAvgPool2d", (192, 1, 1), 0),
            ("Flatten", (192,), 0),
            ("WeightNormLinear init 0.1", (10,), 192 * 10 + 10 + 10),
        ],
    },
    "imagenet_dcgan": {
        "generator": [
            ("Linear", (8192,), 8192 * 8192 + 8192),
            ("Unflatten", (512, 4, 4), 0),
            ("BatchNorm", (512, 4, 4), 512 + 512),
            ("SameConvTranspose2d", (256, 8, 8), (512 + 64) * 256 * 25 + 256),
            ("BatchNorm", (256, 8, 8), 256 + 256),
            ("SameConvTranspose2d", (128, 16, 16), (256 + 64) * 128 * 25 + 128),
            ("BatchNorm", (128, 16, 16), 128 + 128),
            ("SameConvTranspose2d", (64, 32, 32), (128 + 32) * 64 * 25 + 64),
            ("BatchNorm", (64, 32, 32), 64 + 64),
            ("SameConvTranspose2d", (64, 64, 64), (64 + 16) * 64 * 25 + 64),
            ("BatchNorm", (64, 64, 64), 64 + 64),
            ("SameConvTranspose2d", (64, 128, 128), (64 + 8) * 64 * 25 + 64),
            ("BatchNorm", (64, 128, 128), 64 + 64),
            ("SameConvTranspose2d", (3, 128, 128), (64 + 8) * 3 * 25 + 3),
        ],
        "discriminator": [
            ("GaussianNoise 0.1", (3, 128, 128), 0),
            ("SameConv2d", (64, 64, 64), 3 * 64 * 9 + 64),
            ("HalfRealHalfGeneratedBatchNorm", (64, 64, 64), 64 + 64),
            ("SameConv2d", (128, 32, 32), 64 * 128 * 9 + 128),
            ("HalfRealHalfGeneratedBatchNorm", (128, 32, 32), 128 + 128),
            ("SameConv2d", (256, 16, 16), 128 * 256 * 9 + 256),
            ("HalfRealHalfGeneratedBatchNorm", (256, 16, 16), 256 + 256),
            ("SameConv2d", (256, 16, 16), 256 * 256 * 9 + 256),
            ("HalfRealHalfGeneratedBatchNorm", (256, 16, 16), 256 + 256),
            ("SameConv2d", (256, 16, 16), 256 * 256 * 9 + 256),
            ("HalfRealHalfGeneratedBatchNorm", (256, 16, 16), 256 + 256),
            ("SameConv2d", (512, 8, 8), 256 * 512 * 9 + 512),
            ("HalfRealHalfGeneratedBatchNorm", (512, 8, 8), 512 + 512),
            ("SameConv2d", (512, 4, 4), 512 * 512 * 9 + 512),
            ("HalfRealHalfGeneratedBatchNorm", (512, 4, 4), 512 + 512),
            ("Flatten", (8192,), 0),
            ("Linear", (2560,), 8192 * 2560 + 2560),
            ("HalfRealHalfGeneratedBatchNorm", (2560,), 2560 + 2560),
            ("Linear", (10,), 2560 * 10 + 10),
        ],
    },
    "digits_conv": {
        "generator": [
            ("Linear", (1024,), 50 * 1024),
            ("Unflatten", (64, 4, 4), 0),
            ("BatchNorm", (64, 4, 4), 64),
            ("ReLU", (64, 4, 4), 0),
            ("ConvTranspose2d", (32, 8, 8), 64 * 32 * 25),
            ("BatchNorm", (32, 8, 8), 32),
            ("ReLU", (32, 8, 8), 0),
            ("WeightNormConvTranspose2d init 1.0", (1, 8, 8), 32 * 1 * 9 + 1 + 1),
            ("Sigmoid", (1, 8, 8), 0),
        ],
        "discriminator": [
            ("GaussianNoise 0.2", (1, 8, 8), 0),
            ("WeightNormConv2d init 1.0", (32, 8, 8), 1 * 32 * 9 + 32),
            ("LeakyReLU 0.2", (32, 8, 8), 0),
            ("WeightNormConv2d init 1.0", (64, 4, 4), 32 * 64 * 9 + 64),
            ("LeakyReLU 0.2", (64, 4, 4), 0),
            ("Dropout 0.5", (64, 4, 4), 0),
            ("WeightNormConv2d init 1.0", (64, 2, 2), 64 * 64 * 9 + 64),
            ("LeakyReLU 0.2", (64, 2, 2), 0),
            ("WeightNormConv2d init 1.0", (64, 2, 2), 64 * 64 + 64),
            ("LeakyReLU 0.2", (64, 2, 2), 0),
            ("AdaptiveAvgPool2d", (64, 1, 1), 0),
            ("Flatten", (64,), 0),
            ("WeightNormLinear init 0.1", (10,), 64 * 10 + 10 + 10),
        ],
    },
}
LATENTS = {
    "mnist_mlp": 100,
    "cifar10_conv": 100,
    "digits_conv": 50,
    "imagenet_dcgan": 8192 + 16 * 64 + 64 * 64 + 256 * 32 + 1024 * 16 + 4096 * 8 + 16384 * 8,
}


def describe(layer: nn.Module) -> str:
    match layer:
        case GaussianNoise():
            return f"GaussianNoise {layer.std}"
        case Dropout():
            return f"Dropout {layer.rate}"
        case nn.LeakyReLU():
            return f"LeakyReLU {layer.negative_slope}"
        case WeightNorm(init_std=std) if std is not None:
            return f"{type(layer).__name__} init {std}"
        case _:
            return type(layer).__name__


def layers_in_order(network: nn.Module, *inputs: torch.Tensor) -> list[tuple[str, tuple[int, ...], int]]:
    rows = []

    def record(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        trained = sum(parameter.numel() for parameter in layer.parameters())
        rows.append((describe(layer), tuple(output.shape[1:]), trained))

    for layer in network.modules():
        if not list(layer.children()) and not isinstance(layer, FullPrecision):
            layer.register_forward_hook(record)
    with torch.no_grad():
        network(*inputs)
    return rows


@pytest.mark.parametrize("name", TABLES)
def test_generator_has_the_published_layers(name, architecture):
    generator = build_generator(architecture(name))
    assert generator.latent_size == LATENTS[name]
    assert layers_in_order(generator, torch.rand(2, LATENTS[name])) == TABLES[name]["generator"]
    assert sum(p.numel() for p in generator.parameters()) == sum(row[2] for row in TABLES[name]["generator"])


@pytest.mark.parametrize("name", TABLES)
def test_discriminator_has_the_published_layers(name, architecture):
    config = architecture(name)
    discriminator = build_discriminator(config, 10)
    images = [torch.rand(2, *config.image_shape), torch.rand(2, *config.image_shape)]
    assert layers_in_order(discriminator, *images) == TABLES[name]["discriminator"]
    assert sum(p.numel() for p in discriminator.parameters()) == sum(row[2] for row in TABLES[name]["discriminator"])


def test_svhn_is_cifar10s_pair_at_64_channels(architecture):
    svhn = architecture("svhn_conv")
    images = torch.rand(2, 3, 32, 32)
    narrow = [shape[0] for _, shape, _ in layers_in_order(build_discriminator(svhn, 10), images)]
    cifar10 = [shape[0] for _, shape, _ in TABLES["cifar10_conv"]["discriminator"]]
    assert narrow == [{96: 64, 192: 128}.get(channels, channels) for channels in cifar10]
    assert layers_in_order(build_generator(svhn), torch.rand(2, 100)) == TABLES["cifar10_conv"]["generator"]


def test_what_the_minibatch_variants_change(architecture, closeness):
    config = architecture("cifar10_conv", input_regulariser="noise", first_normalisation="per_channel")
    rows = layers_in_order(build_discriminator(config, 10, closeness).head, torch.rand(2, 195))
    assert rows == [("WeightNormLinear init 0.1", (10,), 195 * 10 + 20)]
    first, *_ = layers_in_order(build_discriminator(config, 10), torch.rand(2, 3, 32, 32))
    assert first == ("GaussianNoise 0.2", (3, 32, 32), 0)
    assert layers_in_order(build_generator(config), torch.rand(2, 100))[:4] == [
        ("Linear", (8192,), 100 * 8192),
        ("Unflatten", (512, 4, 4), 0),
        ("BatchNorm", (512, 4, 4), 512),
        ("ReLU", (512, 4, 4), 0),
    ]


@pytest.mark.parametrize(
    ("name", "trained_gains", "epsilons"),
    [("mnist_mlp", [False] * 5 + [True], {0.0}), ("cifar10_conv", [False] * 9 + [True], {1e-6})],
)
def test_only_the_last_gain_of_a_discriminator_is_trained(name, trained_gains, epsilons, architecture):
    layers = [m for m in build_discriminator(architecture(name), 10).modules() if isinstance(m, WeightNorm)]
    assert [isinstance(layer.gain, nn.Parameter) for layer in layers] == trained_gains
    assert {layer.epsilon for layer in layers} == epsilons
    assert all("gain" in layer.state_dict() for layer in layers)


@pytest.mark.parametrize("name", ["mnist_mlp", "cifar10_conv", "digits_conv"])
def test_a_generators_output_layer(name, architecture):
    (output,) = [m for m in build_generator(architecture(name)).modules() if isinstance(m, WeightNorm)]
    assert isinstance(output.gain, nn.Parameter) and output.epsilon == 1e-6
    assert torch.equal(output.gain, torch.ones_like(output.gain)) and not output.bias.any()


@pytest.mark.parametrize(
    ("name", "player", "deviations"),
    [
        ("mnist_mlp", "discriminator", [0.1] * 6),
        ("cifar10_conv", "discriminator", [0.05] * 10),
        ("cifar10_conv", "generator", [0.05] * 4),
        # A normal truncated at two deviations has .8796 of its std.
        ("imagenet_dcgan", "discriminator", [0.02 * 0.8796] * 7 + [0.02] * 2),
        ("imagenet_dcgan", "generator", [0.02] * 6 + [0.075]),
        ("mnist_mlp", "generator", [(2 / (100 + 500)) ** 0.5, (2 / (500 + 500)) ** 0.5, (2 / (500 + 784)) ** 0.5]),
    ],
)
def test_weights_start_with_the_published_deviation(name, player, deviations, architecture):
    torch.manual_seed(0)
    config = architecture(name)
    network = build_generator(config) if player == "generator" else build_discriminator(config, 10)
    weights = [p.detach() for p in network.parameters() if p.ndim > 1]
    assert len(weights) == len(deviations)
    for weight, std in zip(weights, deviations, strict=True):
        assert weight.std().item() == pytest.approx(std, rel=4 / (2 * weight.numel()) ** 0.5)
        assert abs(weight.mean().item()) < 4 * std / weight.numel() ** 0.5


def test_glorot_and_truncated_normal_are_bounded(architecture):
    first, second, third = (p for p in build_generator(architecture("mnist_mlp")).parameters() if p.ndim == 2)
    for weight, fans in ((first, 600), (second, 1000), (third, 1284)):
        assert 0.99 < weight.abs().max() / (6 / fans) ** 0.5 <= 1
    convolutions = [p for p in build_discriminator(architecture("imagenet_dcgan"), 10).parameters() if p.ndim == 4]
    assert all(0.039 < weight.abs().max() <= 0.04 for weight in convolutions[1:])


def test_imagenets_biases_and_scales(architecture):
    generator = build_generator(architecture("imagenet_dcgan"))
    assert torch.equal(generator.output.bias, torch.full((3,), -0.45))
    for networks_norms in (generator.norms, build_discriminator(architecture("imagenet_dcgan"), 10).trunk.norms):
        scales = torch.cat([norm.scale.detach() for norm in networks_norms])
        assert scales.mean().item() == pytest.approx(1, abs=0.003) and scales.std().item() == pytest.approx(
            0.02, rel=0.1
        )
        assert not any(norm.shift.any() for norm in networks_norms)


@pytest.mark.parametrize("name", [*TABLES, "svhn_conv"])
def test_all_layers_scale_with_the_widths(name, architecture):
    """What a budget caps: at width 16 no layer keeps its published size, apart from ImageNet's z."""
    config = architecture(name, width=16, generator_width=16)
    full = architecture(name)
    for build in (build_generator, lambda c: build_discriminator(c, 10)):
        small, large = (sum(p.numel() for p in build(c).parameters()) for c in (config, full))
        assert small < large / 2
    images = torch.rand(2, *config.image_shape)
    assert [len(output.logits[0]) for output in build_discriminator(config, 10)(images, images)] == [10, 10]
    assert build_generator(config)(torch.rand(2, build_generator(config).latent_size)).shape[1:] == images.shape[1:]
