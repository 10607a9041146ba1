"""The two players of the game and what each needs to make a move."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from improved_gan import distributed
from improved_gan.layers.discriminator import Discriminator
from improved_gan.layers.noise import GaussianNoise
from improved_gan.objective import Adversarial, Objective, Targets
from improved_gan.technique.packing import pack
from improved_gan.tensors import LossInputs, Outputs
from improved_gan.training.adam import Adam
from improved_gan.training.balance import AdaptiveBalance
from improved_gan.training.batches import Batch
from improved_gan.training.ema import ExponentialMovingAverage


@dataclass
class Player:
    """One network with its optimizer and what is remembered of its past weights."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    learning_rate: float
    average: ExponentialMovingAverage | None
    parameter_penalties: Mapping[str, Any] = field(default_factory=dict)  # by technique: () -> term, and its state
    constraints: tuple[Callable[[Iterable[Tensor]], None], ...] = ()  # keep the parameters within bounds
    loss_weight: float = 1.0  # of all that the player minimises but the penalties on its parameters

    def __post_init__(self) -> None:
        """Put the rate where the weights are, for the optimizers that take it from there without a wait.

        On the CPU in double precision, as a Python number is; a GPU's kernels read single.
        """
        device = next(self.network.parameters()).device
        there = isinstance(self.optimizer, Adam) or device.type == "cuda"
        precision = torch.float64 if device.type == "cpu" else torch.float32
        self._rate = torch.tensor(self.learning_rate, dtype=precision, device=device) if there else None

    def penalty(self) -> Tensor | float:
        """The penalties on the parameters, such as section 3.3's weight x ||theta - mean of all theta so far||^2."""
        penalty: Tensor | float = sum(penalty() for penalty in self.parameter_penalties.values())
        return penalty

    def update(self, loss: Tensor) -> None:
        """One optimizer step down the gradient of `loss_weight` times `loss`, plus the penalties on the parameters."""
        update(self.loss_weight * loss, self)

    def advance(self) -> None:
        """One optimizer step down the gradient that the parameters hold.

        A player whose learning rate is 0 has a gradient and stays as it is, bit for bit.
        """
        if self.learning_rate == 0:
            return
        self.optimizer.step()
        self.constrain()
        if self.average is not None:
            self.average.update()

    def constrain(self) -> None:
        """Bring the parameters back within their bounds, if there are any."""
        for constraint in self.constraints:
            constraint(self.network.parameters())

    def scale_learning_rate(self, factor: float) -> None:
        """Set the rate to `factor` times the player's own."""
        rate = factor * self.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = rate if self._rate is None else self._rate.fill_(rate)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network holds its averaged weights inside the `with`, if an average is kept."""
        if self.average is None:
            yield
        else:
            with self.average.applied():
                yield

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "parameter_penalties": {name: part.state_dict() for name, part in self.parameter_penalties.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        penalties = state.get("parameter_penalties") or {"historical_averaging": state.get("history")}  # version 1
        for name, part in self.parameter_penalties.items():
            part.load_state_dict(penalties[name])


def update(loss: Tensor, *players: Player) -> None:
    """One optimizer step of each player down the gradient of one `loss`, plus the penalties on their parameters.

    Of a batch in several parts, the last one makes the step, down the mean of their losses.
    """
    _collect_gradients(loss, *players)
    if distributed.last_part():
        for player in players:
            player.advance()


def _collect_gradients(loss: Tensor, *players: Player, shared_graph: bool = False) -> None:
    parameters = [parameter for player in players for parameter in player.network.parameters()]
    if distributed.parts() > 1:
        loss = loss / distributed.parts()
    if distributed.first_part():
        for player in players:
            player.optimizer.zero_grad()
        loss = loss + sum(player.penalty() for player in players)
    if shared_graph:
        loss.backward(inputs=parameters, retain_graph=True)
    else:
        loss.backward()
    if distributed.last_part():
        distributed.average_gradients(parameters)


def update_apart(losses: Sequence[tuple[Tensor, Player]]) -> None:
    """One optimizer step of each player down its own loss; all gradients are taken before any player moves."""
    for loss, player in losses:
        _collect_gradients(player.loss_weight * loss, player, shared_graph=True)
    if distributed.last_part():
        for _, player in losses:
            player.advance()


GeneratorLoss = Callable[["GAN", Tensor | None, Tensor], Tensor]  # pair, reals if it sees any, generated -> loss
Penalty = Callable[[LossInputs], Tensor]


@dataclass
class GAN:
    """Generator and discriminator, what they minimise, and the noise that feeds the generator."""

    generator_player: Player
    discriminator_player: Player
    objective: Objective
    generator_loss: GeneratorLoss
    generator_sees_reals: bool  # whether that loss looks at real images: else none are fetched for it
    penalties: dict[str, Penalty]  # further terms of the discriminator's loss, by their names in the log
    generator_penalties: dict[str, Penalty]  # and of the generator's
    targets: Targets  # 1, 0 and 1 without label smoothing, section 3.4
    pack: int  # images that the discriminator sees at once
    draw_latents: Callable[[int, torch.Generator | None], Tensor]
    balance: AdaptiveBalance
    discriminator_noise: GaussianNoise | None  # on every image that the discriminator sees while it trains

    @property
    def generator(self) -> nn.Module:
        return self.generator_player.network

    @property
    def discriminator(self) -> Discriminator:
        network = self.discriminator_player.network
        assert isinstance(network, Discriminator)
        return network

    def generate(self, count: int) -> Tensor:
        """`count` fresh images (or packs of them), scaled as the discriminator sees them."""
        latents = distributed.own(self.draw_latents(distributed.shares() * self.pack * count, None))
        return pack(self.generator(latents), self.pack)

    def logits(self, images: Tensor) -> Tensor:
        """The discriminator's logits of these images alone."""
        return self.discriminator(images)[0].logits

    def loss_inputs(
        self,
        real: Tensor | None,
        fake: Tensor,
        real_outputs: Outputs | None = None,
        fake_outputs: Outputs | None = None,
    ) -> LossInputs:
        """What techniques may look at in these images, and in what the discriminator has made of them already."""
        return LossInputs(
            discriminator=self.discriminator,
            real_score=self.objective.real_score,
            real=real,
            fake=fake,
            real_outputs=real_outputs,
            fake_outputs=fake_outputs,
        )

    def adversarial_loss(self, real_images: Tensor, fake_images: Tensor) -> Tensor:
        """What the discriminator minimises but for the labels: the objective's loss and the penalties."""
        assert isinstance(self.objective, Adversarial)
        real, fake = self.discriminator(real_images, fake_images)
        inputs = self.loss_inputs(real_images, fake_images, real, fake)
        terms = [penalty(inputs) for penalty in self.penalties.values()]
        return self.objective.discriminator_loss(real, fake, self.targets) + sum(terms)

    def discriminate(self, batch: Batch, fake: Tensor) -> list[Outputs]:
        """The discriminator's outputs for real, generated and, where the objective has them, labelled images."""
        if batch.labelled is None:
            return self.discriminator(batch.real, fake)
        return self.discriminator(batch.real, fake, batch.labelled)

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator_player.state_dict(),
            "discriminator": self.discriminator_player.state_dict(),
            "skipped_updates": dict(self.balance.skipped),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator_player.load_state_dict(state["generator"])
        self.discriminator_player.load_state_dict(state["discriminator"])
        self.balance.skipped = dict(state["skipped_updates"])


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No parameter of `network` collects a gradient inside the `with`; gradients still flow through it."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
