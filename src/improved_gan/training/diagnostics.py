"""How each player fares: gradient norms by layer, sizes of updates, and how much the generator's images vary.

Nothing here draws from the random state that training goes on with, nor changes a weight: a run is the same, diagnosed
or not.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from improved_gan.training.gan import Player
from improved_gan.training.trainer import Trainer

SEED = 2  # of the latents whose images' diversity is measured: the same every time


class Diagnostics:
    """What is said of a step beside its losses: `watching()` goes around the step, then `values()` tells.

    - `<player>_gradient_norm`, and `<player>_gradient_norm/<layer>` with a layer's weights taken together;
    - `<player>_update_ratio`: |theta after - theta before| / |theta before| of the step's last update of that player, 0
      where it made none;
    - `<player>_position/1`, `/2`: the last layer's weights on two fixed random directions of length 1, a path to draw;
    - `batch_diversity`: the mean distance of two images of a generated batch, over that of a batch of reals.
    """

    def __init__(self, trainer: Trainer) -> None:
        pair, size = trainer.pair, trainer.config.training.batch_size
        self.pair = pair
        self.players = {"discriminator": pair.discriminator_player}
        if pair.objective.trains_generator:
            self.players["generator"] = pair.generator_player
            latents = pair.draw_latents(size, torch.Generator().manual_seed(SEED))
            self._latents = latents.split(trainer.config.training.seen_together())
            reals = trainer.batches.first("unlabelled").reshape(-1, *trainer.config.architecture.image_shape)
            self._distance_of_reals = mean_distance(reals[:size])
        self._layers = {name: _layers(player) for name, player in self.players.items()}
        self._directions = {name: _directions(player) for name, player in self.players.items()}
        self._before: dict[str, list[Tensor]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside the `with`, what each player's weights were before its last update is remembered."""
        self._before = {}
        with ExitStack() as hooks:
            for name, player in self.players.items():
                hooks.callback(player.optimizer.register_step_pre_hook(self._remember(name)).remove)
            yield

    def _remember(self, name: str) -> Callable[..., None]:
        def before_a_step(*_: object) -> None:
            self._before[name] = [p.detach().clone() for p in self.players[name].network.parameters()]

        return before_a_step

    @torch.no_grad()
    def values(self) -> dict[str, Tensor]:
        """Of the step that was watched, by name; scalars on the device."""
        found: dict[str, Tensor] = {}
        for name, player in self.players.items():
            by_layer = self._gradient_norms(name)
            found[f"{name}_gradient_norm"] = torch.linalg.vector_norm(torch.stack(list(by_layer.values())))
            found[f"{name}_update_ratio"] = self._update_ratio(name, player)
            found |= by_layer
            for number, direction in enumerate(self._directions[name], start=1):
                found[f"{name}_position/{number}"] = direction @ _last_layer(player)
        if "generator" in self.players:
            images = torch.cat([self.pair.generator(latents) for latents in self._latents])
            found["batch_diversity"] = mean_distance(images) / self._distance_of_reals
        return found

    def _gradient_norms(self, name: str) -> dict[str, Tensor]:
        norms = {}
        for layer, parameters in self._layers[name].items():
            gradients = [p.grad for p in parameters if p.grad is not None]
            if gradients:
                norms[f"{name}_gradient_norm/{layer}"] = torch.nn.utils.get_total_norm(gradients)
        return norms

    def _update_ratio(self, name: str, player: Player) -> Tensor:
        before, after = self._before.get(name), [p.detach() for p in player.network.parameters()]
        if before is None:
            return torch.zeros((), device=after[0].device)
        size = _norm(before)
        torch._foreach_sub_(before, after)
        return _norm(before) / size


def mean_distance(images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, ""]:
    """The mean Euclidean distance of two different images of the batch."""
    return torch.pdist(images.flatten(1)).mean()


def _norm(parts: list[Tensor]) -> Tensor:
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parts)))


def _last_layer(player: Player) -> Float[Tensor, " weight"]:
    *_, last = (p for p in player.network.parameters() if p.ndim > 1)
    return last.flatten()


def _directions(player: Player) -> Float[Tensor, "2 weight"]:
    weights = _last_layer(player)
    source = torch.Generator().manual_seed(SEED)
    directions = torch.randn(2, len(weights), generator=source).to(weights)
    return directions / torch.linalg.vector_norm(directions, dim=1, keepdim=True)


def _layers(player: Player) -> dict[str, list[Tensor]]:
    layers: dict[str, list[Tensor]] = {}
    for name, parameter in player.network.named_parameters():
        layers.setdefault(name.rpartition(".")[0], []).append(parameter)
    return layers
