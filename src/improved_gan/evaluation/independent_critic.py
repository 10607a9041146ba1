"""A small network trained afresh to tell reals from samples, as a discriminator or as a Wasserstein critic.

It owes nothing to the generator's own discriminator, so what it finds is a property of the images alone.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from improved_gan.training.random_state import cpu_seeded

STEPS, BATCH_SIZE = 200, 64
PENALTY = 10.0  # of WGAN-GP
GRADIENT_BATCHES = 8  # batches that a trained critic's gradient norm is measured on
RATES = {"discriminator": 1e-3, "critic": 1e-3}
BETAS = {"discriminator": (0.9, 0.999), "critic": (0.0, 0.9)}


def train_independent_critic(
    kind: Literal["discriminator", "critic"],
    real: UInt8[np.ndarray, "n channel height width"],
    fake: UInt8[np.ndarray, "m channel height width"],
    seed: int,
    *,
    device: torch.device,
    steps: int = STEPS,
) -> Callable[[UInt8[np.ndarray, "k channel height width"]], Float[Tensor, " k"]]:
    """Train on these reals and samples; returns the function of images: a logit of "real", or the critic's value.

    Discriminator: softplus(-l_real) + softplus(l_fake). Critic (arXiv 1704.00028): l_fake - l_real
    + 10 (|grad_x l(u real + (1 - u) fake)| - 1)^2, in pixels of -1..1; its values are divided by its gradient norm.
    """
    source = torch.Generator().manual_seed(seed)
    with cpu_seeded(seed):  # training that goes on afterwards is not changed
        network = _network(real.shape[1:]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATES[kind], betas=BETAS[kind])
    with torch.enable_grad():
        for step in tqdm(range(steps), desc=f"training a fresh {kind}", unit="step", delay=1):
            for group in optimizer.param_groups:
                group["lr"] = RATES[kind] * (1 - step / steps)
            x, y = _batch(real, source, device), _batch(fake, source, device)
            of_real, of_fake = network(torch.cat([x, y])).flatten().chunk(2)
            if kind == "discriminator":
                loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
            else:
                loss = (of_fake - of_real).mean() + PENALTY * (
                    _gradient_norms(network, x, y, source) - 1
                ).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        batches = [(_batch(real, source, device), _batch(fake, source, device)) for _ in range(GRADIENT_BATCHES)]
        # Where the penalty balances the gain from a steeper critic, the norm is W / 20 above 1: that is taken out.
        gradient_norm = (
            1.0
            if kind == "discriminator"
            else float(
                torch.cat([_gradient_norms(network, x, y, source) for x, y in batches]).detach().square().mean().sqrt()
            )
        )
    network.requires_grad_(False)

    @torch.no_grad()
    def values(images: UInt8[np.ndarray, "k channel height width"]) -> Float[Tensor, " k"]:
        blocks = [images[start : start + 500] for start in range(0, len(images), 500)]
        return torch.cat([network(_scaled(block, device)).flatten().cpu() for block in blocks]) / gradient_norm

    return values


def _network(image_shape: tuple[int, ...]) -> nn.Sequential:
    """Strided convolutions down to 4x4 pixels or less, without any normalisation, which a critic must not have."""
    channels, height, width = image_shape
    layers: list[nn.Module] = []
    wanted = 32
    while min(height, width) > 4:
        layers += [nn.Conv2d(channels, wanted, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        channels, height, width, wanted = wanted, height // 2, width // 2, min(2 * wanted, 256)
    dense = nn.Linear(channels * height * width, 128)
    return nn.Sequential(*layers, nn.Flatten(), dense, nn.LeakyReLU(0.2), nn.Linear(128, 1))


def _scaled(images: UInt8[np.ndarray, "n channel height width"], device: torch.device) -> Tensor:
    pixels = torch.from_numpy(np.array(images)).to(device).float() / 127.5 - 1
    return pixels.contiguous(memory_format=torch.channels_last)


def _batch(
    images: UInt8[np.ndarray, "n channel height width"], source: torch.Generator, device: torch.device
) -> Tensor:
    return _scaled(images[torch.randint(len(images), (BATCH_SIZE,), generator=source).numpy()], device)


def _gradient_norms(network: nn.Module, real: Tensor, fake: Tensor, source: torch.Generator) -> Float[Tensor, " batch"]:
    """|grad_x f| at random points between reals and samples."""
    share = torch.rand(len(real), 1, 1, 1, generator=source).to(real.device)
    between = torch.lerp(fake, real, share).requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(between).sum(), between, create_graph=True)
    return gradient.flatten(1).norm(dim=1)
