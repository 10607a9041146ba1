"""A step's updates as one CUDA graph: recorded once, then launched as one instead of kernel by kernel.

A graph does again what was recorded, at the same addresses: so batches are copied into buffers that stay, and rates,
counts and noise are tensors. It is trusted once three steps of it do what three ordinary steps do from the same state:
bit for bit under `training.deterministic`, so that a run goes on the same after an interruption, else to rounding.
"""

import logging
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from improved_gan import distributed
from improved_gan.compatibility import why_no_cuda_graph
from improved_gan.config import Config, UsageError
from improved_gan.training.batches import Batch
from improved_gan.training.gan import GAN
from improved_gan.training.random_state import random_state, restore_random_state
from improved_gan.training.step import Losses

log = logging.getLogger("improved_gan")

COMPARED, WARM_UP = 3, 3  # steps
ROUNDING = 1e-3  # of a tensor's length: how far apart three steps may end that need not agree bit for bit

Inputs = list[Batch | Tensor]  # a batch for each update of the discriminator, reals for those of the generator
Updates = Callable[[Inputs], Losses]
Work = Callable[[], Losses]


def captured(work: Work) -> Work:
    """What launches all of `work`'s kernels at once; its losses lie in the same memory each time.

    It warms up on a side stream, as capturing wants; torch registers the random state of the GPU with the graph.
    """
    here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
    aside.wait_stream(here)
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work()
    here.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = work()

    def replay() -> Losses:
        graph.replay()
        return losses

    return replay


def replayed_or_not(updates: Updates, pair: GAN, config: Config, device: torch.device) -> "Updates | StepGraph":
    """The updates of a step as `training.cuda_graph` wants them; raises `UsageError` where `true` cannot be."""
    wanted = config.training.cuda_graph
    why = "a CPU has none" if device.type == "cpu" else why_no_cuda_graph(config)
    if distributed.processes() > 1:
        why = why or "several processes tell each other their gradients within a step"
    if wanted is True and why is not None:
        raise UsageError(f"training.cuda_graph=true: {why}; use auto or false")
    if wanted is False or why is not None:
        return updates
    return StepGraph(updates, pair, exact=config.training.deterministic, insists=wanted is True)


class StepGraph:
    """The updates of a step, replayed from its second call on; the ordinary ones for good where they cannot be."""

    def __init__(
        self,
        updates: Updates,
        pair: GAN,
        *,
        exact: bool,
        insists: bool,
        capture: Callable[[Work], Work] = captured,
    ) -> None:
        """`insists`: what cannot be captured, or does something else then, is a `UsageError` and no line in the log."""
        self.updates, self._pair, self._capture = updates, pair, capture
        self._exact, self._insists = exact, insists
        self._buffers: Inputs = []
        self._replay: Work | None = None
        self._begun = self._given_up = False

    def __call__(self, inputs: Inputs) -> Losses:
        """Do the updates. The losses of a replayed step are overwritten by the next one's."""
        if not self._begun:  # makes the optimizers' states
            self._begun = True
            return self.updates(inputs)
        if self._replay is None and not self._given_up:
            self._try(inputs)
        if self._replay is None:
            return self.updates(inputs)
        for buffer, new in zip(_tensors(self._buffers), _tensors(inputs), strict=True):
            buffer.copy_(new)
        return self._replay()

    @property
    def replays(self) -> bool:
        """Whether steps are replayed by now."""
        return self._replay is not None

    def _try(self, inputs: Inputs) -> None:
        """Keep the replay if it does what the updates do; every tensor and random state is left as it is found."""
        device = next(self._pair.discriminator.parameters()).device
        state = state_of(self._pair)
        start, random = _copies(state), random_state(device)

        def back() -> None:
            for tensor, value in zip(state, start, strict=True):
                tensor.copy_(value)  # in place: a graph knows addresses
            restore_random_state(random, device)

        def end_of(steps: Work) -> list[Tensor]:
            for _ in range(COMPARED):
                steps()
            ended = _copies(state)
            back()
            return ended

        self._buffers = deepcopy(inputs)
        eager = end_of(self._work)
        try:
            replay = self._capture(self._work)
            back()
            if agree(eager, end_of(replay), exact=self._exact):
                self._replay = replay
                log.debug("steps are replayed as a CUDA graph")
            else:
                self._give_up("ends in other weights when it is replayed")
        except RuntimeError as error:
            back()
            self._give_up(f"cannot be captured ({(str(error).splitlines() or ['no reason given'])[0]})")

    def _work(self) -> Losses:
        return self.updates(self._buffers)

    def _give_up(self, why: str) -> None:
        if self._insists:
            raise UsageError(f"training.cuda_graph=true: this step {why}; use auto or false")
        log.info("training.cuda_graph=auto: this step %s; the run goes on kernel by kernel", why)
        self._given_up, self._buffers = True, []


def agree(ours: list[Tensor], theirs: list[Tensor], *, exact: bool) -> bool:
    """Whether these are the same tensors, bit for bit or to rounding."""
    for one, other in zip(ours, theirs, strict=True):
        if torch.equal(one, other):
            continue
        if exact or not one.is_floating_point():
            return False
        apart, length = (float(torch.linalg.vector_norm(x.double())) for x in (one - other, one))
        if not apart <= ROUNDING * length:
            return False
    return True


def state_of(pair: GAN) -> list[Tensor]:
    """Every tensor that a step changes: weights, buffers, what optimizers, averages and penalties remember."""
    found: list[Tensor] = []
    for player in (pair.generator_player, pair.discriminator_player):
        remembered = [player.optimizer.state, *(vars(part) for part in player.parameter_penalties.values())]
        if player.average is not None:
            remembered.append(vars(player.average))
        found += [*player.network.parameters(), *player.network.buffers(), *_tensors(remembered)]
    return [tensor.detach() for tensor in {id(tensor): tensor for tensor in found}.values()]


def _tensors(kept: Any) -> list[Tensor]:
    if isinstance(kept, Tensor):
        return [kept]
    parts = kept.values() if isinstance(kept, dict) else kept if isinstance(kept, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors]
