"""The two players of the game and what each needs to make a move."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from improved_gan.architecture import Discriminator, DiscriminatorOutput
from improved_gan.architecture.noise import GaussianNoise
from improved_gan.objective import Objective, Targets
from improved_gan.technique.historical_averaging import HistoricalAverage
from improved_gan.technique.packing import pack
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
    history: HistoricalAverage | None
    history_weight: float
    constraint: Callable[[Iterable[Tensor]], None] | None = None  # keeps the parameters within bounds
    loss_weight: float = 1.0  # of all that the player minimises but historical averaging's term

    def __post_init__(self) -> None:
        """Put the rate where the weights are, for the optimizers that take it from there without a wait.

        On the CPU in double precision, as a Python number is; a GPU's kernels read single.
        """
        device = next(self.network.parameters()).device
        there = isinstance(self.optimizer, Adam) or device.type == "cuda"
        precision = torch.float64 if device.type == "cpu" else torch.float32
        self._rate = torch.tensor(self.learning_rate, dtype=precision, device=device) if there else None

    def penalty(self) -> Tensor | float:
        """Historical averaging's term of the loss, section 3.3: weight x ||theta - mean of all theta so far||^2."""
        if self.history is None:
            return 0.0
        self.history.update()
        return self.history_weight * self.history.penalty()

    def update(self, loss: Tensor) -> None:
        """One optimizer step down the gradient of `loss_weight` times `loss`, plus historical averaging's term."""
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
        """Bring the parameters back within the objective's bounds, if it has any."""
        if self.constraint is not None:
            self.constraint(self.network.parameters())

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
        remembered = {"average": self.average, "history": self.history}
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **{name: None if part is None else part.state_dict() for name, part in remembered.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.history is not None:
            self.history.load_state_dict(state["history"])


def update(loss: Tensor, *players: Player) -> None:
    """One optimizer step of each player down the gradient of one `loss`, plus historical averaging's terms."""
    for player in players:
        player.optimizer.zero_grad()
    (loss + sum(player.penalty() for player in players)).backward()
    for player in players:
        player.advance()


GeneratorLoss = Callable[["GAN", Tensor | None, Tensor], Tensor]  # pair, reals if it sees any, generated -> loss
Penalty = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]  # the function D, real, generated -> term


@dataclass
class GAN:
    """Generator and discriminator, what they minimise, and the noise that feeds the generator."""

    generator_player: Player
    discriminator_player: Player
    objective: Objective
    generator_loss: GeneratorLoss
    generator_sees_reals: bool  # whether that loss looks at real images: else none are fetched for it
    penalties: dict[str, Penalty]  # further terms of the discriminator's loss, by their names in the log
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
        return pack(self.generator(self.draw_latents(self.pack * count, None)), self.pack)

    def logits(self, images: Tensor) -> Tensor:
        """The discriminator's logits of these images alone."""
        return self.discriminator(images)[0].logits

    def judge(self, batch: Batch, fake: Tensor) -> list[DiscriminatorOutput]:
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
