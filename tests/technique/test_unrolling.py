"""Unrolling against ordinary Adam and finite differences."""

import torch
from formulas import draws
from torch import Tensor, nn

from improved_gan.technique.unrolling import unrolled_parameters, with_parameters
from improved_gan.training.adam import Adam


def test_unrolled_parameters_are_those_of_as_many_steps_of_adam() -> None:
    """Ours and PyTorch's, on their first steps and later ones."""
    for make in (
        lambda p: Adam(p, lr=0.05, betas=(0.5, 0.999), eps=1e-4),
        lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.3, 0.99), eps=1e-6),
    ):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
        x, optimizer = draws(6, 3), make(network.parameters())

        def loss(network: nn.Module = network, x: Tensor = x) -> Tensor:
            return (network(x) - 1).square().mean()

        for _ in range(2):
            before = {name: p.detach().clone() for name, p in network.named_parameters()}
            ahead = unrolled_parameters(network, optimizer, loss, 3)
            for name, parameter in network.named_parameters():
                assert torch.equal(parameter, before[name])
            for _ in range(3):
                optimizer.zero_grad()
                loss().backward()
                optimizer.step()
            for name, parameter in network.named_parameters():
                torch.testing.assert_close(ahead[name].detach(), parameter.detach(), rtol=1e-6, atol=1e-9)


def test_the_gradient_goes_through_every_unrolled_step() -> None:
    """Against central differences of the whole computation, by what the steps depend on."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    optimizer = Adam(network.parameters(), lr=0.1, betas=(0.5, 0.9), eps=1e-3)
    real = draws(5, 2)

    def value(fake: Tensor) -> Tensor:
        def discriminator_loss() -> Tensor:
            return nn.functional.softplus(-network(real)).mean() + nn.functional.softplus(network(fake)).mean()

        ahead = unrolled_parameters(network, optimizer, discriminator_loss, 3)
        return with_parameters(network, ahead, lambda: nn.functional.softplus(-network(fake)).mean())

    fake = draws(4, 2, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(value, fake, eps=1e-6, atol=1e-6)
