"""Between convolutions activations are bf16; what leaves a network, its parameters and its gradients are fp32."""

import pytest
import torch
from torch import Tensor, nn

from improved_gan.composing import compose_jobs
from improved_gan.layers.batch_norm import BatchNorm, ScaleShift
from improved_gan.layers.imagenet import HalfRealHalfGeneratedBatchNorm
from improved_gan.layers.products import set_precision
from improved_gan.training.builder import build_gan, initialise
from improved_gan.training.gan import GAN

SMALL = ("architecture.width=8", "architecture.generator_width=8", "device=cpu", "dataset.labels_per_class=2")
CASES = {
    "cifar10": ("dataset=cifar10", "technique=none"),
    "cifar10, virtual batch norm": ("dataset=cifar10", "technique=our_methods"),
    "digits": ("dataset=digits", "architecture=digits_conv", "technique=none"),
}


def pair_of(case: str, precision: str) -> GAN:
    config = compose_jobs([*SMALL, *CASES[case], f"training.precision={precision}"])[0].config
    torch.manual_seed(0)
    pair = build_gan(config, 10, torch.device("cpu"))
    channels, height, width = config.architecture.image_shape
    initialise(pair, torch.rand(8, channels, height, width))
    return pair


def convolutions(network: nn.Module) -> list[nn.Module]:
    return [layer for layer in network.modules() if hasattr(layer, "rounded_to") and hasattr(layer, "stride")]


@pytest.mark.parametrize("case", CASES)
def test_activations_flow_in_bf16_and_come_out_in_fp32(case: str) -> None:
    pair = pair_of(case, "bf16")
    made: list[Tensor] = []
    for network in (pair.generator, pair.discriminator):
        assert convolutions(network)
        for layer in convolutions(network):
            layer.register_forward_hook(lambda layer, inputs, output: made.append(output))
    images = pair.generate(8)
    real, fake = pair.discriminator(images.detach(), images)
    (real.logits.logsumexp(1) - fake.logits.logsumexp(1)).mean().backward()
    assert {output.dtype for output in made} == {torch.bfloat16}
    assert all(output.is_contiguous(memory_format=torch.channels_last) for output in made)
    out = [images, real.features, real.logits]
    gradients = [p.grad for player in (pair.generator, pair.discriminator) for p in player.parameters()]
    assert {tensor.dtype for tensor in out + [g for g in gradients if g is not None]} == {torch.float32}


@pytest.mark.parametrize("case", CASES)
def test_gradients_point_where_those_of_fp32_do(case: str) -> None:
    found, pair = [], pair_of(case, "fp32")
    pair.discriminator.eval()  # no noise, no dropout
    for rounded_to in (None, torch.bfloat16):
        for network in (pair.generator, pair.discriminator):
            network.zero_grad()
            set_precision(network, rounded_to)
        torch.manual_seed(1)
        latents = pair.draw_latents(8, None)
        (outputs,) = pair.discriminator(pair.generator(latents))
        outputs.logits.logsumexp(1).mean().backward()
        parameters = [*pair.generator.parameters(), *pair.discriminator.parameters()]
        found.append(torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]))
    assert torch.cosine_similarity(*found, dim=0) > 0.98


@pytest.mark.parametrize("layer", [BatchNorm(4), BatchNorm(4, scale=True), ScaleShift(4, scale=True)])
def test_a_normalisation_gives_the_type_that_it_takes_and_trains_in_fp32(layer: nn.Module) -> None:
    x = (3 + torch.randn(16, 4, 5, 5)).bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    assert y.dtype == torch.bfloat16
    exact = layer(x.float())
    torch.testing.assert_close(y.float(), exact, rtol=0.01, atol=0.01)
    y.float().square().sum().backward()
    assert x.grad is not None and x.grad.dtype == torch.bfloat16
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())


def test_imagenets_batch_norm_takes_bf16_with_statistics_in_fp32() -> None:
    layer = HalfRealHalfGeneratedBatchNorm(4)
    x = (100 + torch.randn(8, 4, 5, 5)).bfloat16()
    y = layer(x, slice(0, 4), slice(4, 8))
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x.float(), slice(0, 4), slice(4, 8)), rtol=0.02, atol=0.02)
