"""Unrolling, a later rival (Metz et al. 2016, arXiv 1611.02163, equations 2 to 4).

The generator minimises its loss against the discriminator that k more of its updates would make of today's,

    theta_D^0 = theta_D,    theta_D^(i+1) = theta_D^i - step of Adam(d f(theta_G, theta_D^i) / d theta_D^i),

with the gradient through all k updates: it knows how the discriminator will answer. The discriminator itself then makes
an ordinary step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from improved_gan.schema import UsageError, number
from improved_gan.technique import Technique
from improved_gan.tensors import Module, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    steps: int = number(minimum=1)


def check(config: Config, run: Any) -> None:
    """Steps of Adam, through a network with second derivatives."""
    if "weight_clipping" in run.technique.enabled() or run.training.optimizer.name != "adam":
        raise UsageError(
            "technique.unrolling.enabled=true: supports Adam without weight clipping only; set it to false"
        )
    if run.objective.name == "energy_based":
        raise UsageError(
            "technique.unrolling.enabled=true: requires second derivatives of the decoder's batch norm, which PyTorch "
            "does not give; set it to false"
        )


def around_generator_loss(config: Config, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`loss` against the discriminator as it will be `steps` updates on; labels aside."""

    def unrolled(gan: Any, real: Tensor, fake: Tensor) -> Tensor:
        network, player = gan.discriminator, gan.discriminator_player
        future = unrolled_parameters(
            network, player.optimizer, lambda: player.loss_weight * gan.adversarial_loss(real, fake), config.steps
        )
        return with_parameters(network, future, lambda: loss(gan, real, fake))

    return unrolled


def with_parameters(network: Module, parameters: dict[str, Tensor], compute: Callable[[], Tensor]) -> Tensor:
    """What `compute()` gives while `network` has these parameters, differentiable by them."""
    from torch.func import functional_call

    from improved_gan.layers.computation import Computation

    placed = {f"network.{name}": value for name, value in parameters.items()}
    result: Tensor = functional_call(Computation(network, compute), placed, ())
    return result


def unrolled_parameters(network: Module, optimizer: Any, loss: Callable[[], Tensor], steps: int) -> dict[str, Tensor]:
    """The parameters of `network` after `steps` of its `optimizer` (Adam) down the gradient of `loss()`.

    They are differentiable by whatever else the loss depends on; network and optimizer stay as they are.
    """
    import torch

    from improved_gan.distributed import averaged

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
        for i, (name, gradient) in enumerate(zip(values, map(averaged, gradients), strict=True)):
            means[i] = beta1 * means[i] + (1 - beta1) * gradient
            squares[i] = beta2 * squares[i] + (1 - beta2) * (gradient.square() + inside)
            mean, square = means[i] / (1 - beta1 ** (counts[i] + k)), squares[i] / (1 - beta2 ** (counts[i] + k))
            root = (square + 1e-30).sqrt()  # which has a derivative at 0 too
            values[name] = values[name] - group["lr"] * mean / (root + group["eps"])
    return values


TECHNIQUE = Technique(
    config=Config,
    check=check,
    around_generator_loss=around_generator_loss,
    generator_sees_reals=True,
    differentiates_twice=True,
    wants_whole_steps=True,
)
