"""How a run can end before its end: on SIGTERM or Ctrl-C, with a checkpoint, or on a loss that is no number."""

import signal
from types import FrameType, TracebackType


class TrainingFailed(Exception):
    """Training cannot go on; the message says what happened and where the last good checkpoint lies."""


class Stopped(Exception):
    """Training stopped on a signal, after a checkpoint."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


class SignalWatcher:
    """Inside the `with`, the first SIGTERM or SIGINT is remembered in `signum` instead of ending the process."""

    signals = (signal.SIGTERM, signal.SIGINT)

    def __enter__(self) -> "SignalWatcher":
        self.signum: int | None = None
        self._previous = {s: signal.signal(s, self._remember) for s in self.signals}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signum = number
