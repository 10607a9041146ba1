"""What a process of a launcher does with a job: take its share of the machine, heed signals, do the job."""

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from improved_gan.composing import identified, request_for
from improved_gan.config import Config, UsageError
from improved_gan.dispatching import Outcome, dispatch, log_to_stderr
from improved_gan.file_lock import hold
from improved_gan.plugins import load_plugins
from improved_gan.streams import guard_streams
from improved_gan.training.termination import Stopped, heeded_signals

log = logging.getLogger("improved_gan")
PREEMPTION = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
_held: dict[Path, tuple[int, IO[str]]] = {}  # slots of this process, for as long as it lives


@dataclass(frozen=True)
class Slots:
    """A folder in which the worker processes of one sweep on one machine count themselves: a locked file each."""

    folder: Path

    def mine(self) -> int:
        """This process's number, from 0: the lowest one that no living process holds."""
        if self.folder not in _held:
            number = 0
            while not self._take(number):
                number += 1
        return _held[self.folder][0]

    def _take(self, number: int) -> bool:
        file = open(self.folder / f"slot_{number}", "a")  # noqa: SIM115 held until the process ends
        try:
            hold(file, wait=False)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _held[self.folder] = number, file
        return True

    def stop(self, signum: int) -> None:
        """Pass a signal on to every worker process, and have those to come do nothing."""
        (self.folder / "stop").write_text(str(int(signum)))
        for path in self.folder.glob("slot_*"):
            with contextlib.suppress(ValueError, ProcessLookupError):
                os.kill(int(path.read_text()), signum)

    def stopped(self) -> int:
        """The signal that stopped the sweep; 0 if none did."""
        path = self.folder / "stop"
        return int(path.read_text() or 0) if path.exists() else 0


@dataclass(frozen=True)
class Worker:
    """The function that a launcher calls in its processes; `slots` is null on a cluster, which shares out by itself."""

    slots: Slots | None
    group: str | None

    def __call__(self, composed: DictConfig) -> Outcome:
        guard_streams()
        os.environ.setdefault("TQDM_DISABLE", "1")  # bars of several processes would overwrite each other
        hydra = HydraConfig.get()
        try:
            load_plugins(composed.plugin)
            request = identified(request_for(composed, hydra.runtime.choices, tuple(hydra.overrides.task)))
        except UsageError as error:  # this machine lacks what the first one had
            return Outcome(2, None, str(error))
        request.config.tracking.group = request.config.tracking.group or self.group
        with _preemption_saves() as preemption, raise_on_signal():
            if self.slots is not None:
                number = self.slots.mine()
                if self.slots.stopped():
                    return Outcome(128 + self.slots.stopped(), None, "stopped before it began")
                _share_gpus(request.config, number)
            log_to_stderr()
            log.info("begun: %s", " ".join(request.overrides) or "defaults")
            outcome = dispatch(request)
        if preemption.noticed and outcome.status >= 128:
            try:
                preemption.requeue(PREEMPTION, None)  # ends the process where the queue takes the job back
            except Exception as error:
                return Outcome(1, None, f"preempted: {error}")
        return outcome


def _share_gpus(config: Config, number: int) -> None:
    """Give worker `number` one of the GPUs, in turn, if the device is left to us."""
    if config.device == "auto":
        import torch

        if torch.cuda.device_count() > 1:
            config.device = f"cuda:{number % torch.cuda.device_count()}"


@contextlib.contextmanager
def signals_go_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside the `with`, the signals that stop runs are `handler`'s; afterwards they are whose they were."""
    previous = {number: signal.signal(number, handler) for number in heeded_signals()}
    try:
        yield
    finally:
        for number, former in previous.items():
            signal.signal(number, former)


@contextlib.contextmanager
def raise_on_signal() -> Iterator[None]:
    """Inside the `with`, the first signal that stops runs raises `Stopped`; training has its own, gentler way."""
    raised = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise Stopped(number)

    with signals_go_to(stop):
        yield


class Preemption:
    """Whether the queue wants the machine back, and its own way to put the job at the end of the queue."""

    def __init__(self, requeue: Callable[[int, FrameType | None], object]) -> None:
        self.requeue, self.noticed = requeue, False

    def notice(self, number: int, frame: FrameType | None) -> None:
        """Have the training loop save a checkpoint and end, as it does on SIGTERM."""
        self.noticed = True
        signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def _preemption_saves() -> Iterator[Preemption]:
    """Inside the `with`, submitit's signal for preemption first saves a checkpoint; its own hook is left for after."""
    hook = signal.getsignal(PREEMPTION)
    if not callable(hook):
        yield Preemption(lambda number, frame: None)
        return
    preemption = Preemption(hook)
    signal.signal(PREEMPTION, preemption.notice)
    try:
        yield preemption
    finally:
        signal.signal(PREEMPTION, hook)
