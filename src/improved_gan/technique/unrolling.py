"""Unrolling, a later rival (Metz et al. 2016, arXiv 1611.02163, equations 2 to 4).

The generator minimises its loss against the discriminator that k more of its updates would make of today's,

    theta_D^0 = theta_D,    theta_D^(i+1) = theta_D^i - step of Adam(d f(theta_G, theta_D^i) / d theta_D^i),

with the gradient through all k updates: it knows how the discriminator will answer. The discriminator itself then makes
an ordinary step.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

Result = TypeVar("Result")


class _Computation(nn.Module):
    """A computation that uses `network`, so that `functional_call` can put other parameters in its place."""

    def __init__(self, network: nn.Module, compute: Callable[[], Tensor]) -> None:
        super().__init__()
        self.network, self.compute = network, compute

    def forward(self) -> Tensor:
        return self.compute()


def with_parameters(network: nn.Module, parameters: dict[str, Tensor], compute: Callable[[], Tensor]) -> Tensor:
    """What `compute()` gives while `network` has these parameters, differentiable by them."""
    placed = {f"network.{name}": value for name, value in parameters.items()}
    result: Tensor = functional_call(_Computation(network, compute), placed, ())
    return result


def unrolled_parameters(
    network: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int
) -> dict[str, Tensor]:
    """The parameters of `network` after `steps` of its `optimizer` (Adam) down the gradient of `loss()`.

    They are differentiable by whatever else the loss depends on; network and optimizer stay as they are.
    """
    group = optimizer.param_groups[0]
    (beta1, beta2), inside = group["betas"], group.get("epsilon_inside_root", 0.0)
    trained = dict(network.named_parameters())
    states = [optimizer.state.get(parameter) or {} for parameter in trained.values()]
    values = {name: parameter.detach().requires_grad_() for name, parameter in trained.items()}
    zeros = [torch.zeros_like(parameter) for parameter in trained.values()]
    means = [state.get("exp_avg", zero) for state, zero in zip(states, zeros, strict=True)]
    squares = [state.get("exp_avg_sq", zero) for state, zero in zip(states, zeros, strict=True)]
    counts = [float(state.get("step", 0)) for state in states]
    for k in range(1, steps + 1):
        found = with_parameters(network, values, loss)
        gradients = torch.autograd.grad(found, list(values.values()), create_graph=True, materialize_grads=True)
        for i, (name, gradient) in enumerate(zip(values, gradients, strict=True)):
            means[i] = beta1 * means[i] + (1 - beta1) * gradient
            squares[i] = beta2 * squares[i] + (1 - beta2) * (gradient.square() + inside)
            mean, square = means[i] / (1 - beta1 ** (counts[i] + k)), squares[i] / (1 - beta2 ** (counts[i] + k))
            root = (square + 1e-30).sqrt()  # which has a slope at 0 too
            values[name] = values[name] - group["lr"] * mean / (root + group["eps"])
    return values
