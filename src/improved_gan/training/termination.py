"""How a run can end before its end: on SIGTERM, SIGHUP or Ctrl-C, with a checkpoint, or on a loss that is no number."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType

from improved_gan.processes import ProcessLost


class TrainingFailed(Exception):
    """Training cannot go on; the message says what happened and where the last good checkpoint lies."""


class Stopped(BaseException):
    """Work stopped on a signal, training after a checkpoint; like KeyboardInterrupt no error that others may catch."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


def heeded_signals() -> tuple[signal.Signals, ...]:
    """The signals that stop a run; under `nohup`, SIGHUP is none."""
    hangs_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return signal.SIGTERM, signal.SIGINT, *hangs_up


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """Inside the `with`, Ctrl-C ends the process there and then: modules that are being imported hide an exception."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # somebody else's
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def raising_stopped() -> Iterator[None]:
    """Inside the `with`, the first SIGTERM or SIGHUP raises `Stopped` where it would have ended the process."""
    raised = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        if not (raised or ProcessLost.happened):
            raised = True
            raise Stopped(number)

    deadly = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():  # which alone may have handlers
        deadly = []
    for number in deadly:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in deadly:
            signal.signal(number, signal.SIG_IGN if ProcessLost.happened else signal.SIG_DFL)


class SignalWatcher:
    """Inside the `with`, a signal that stops runs is remembered in `signum` instead of ending the process."""

    def __enter__(self) -> "SignalWatcher":
        self.signum: int | None = None
        self._previous = {s: signal.signal(s, self._remember) for s in heeded_signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signum = number
