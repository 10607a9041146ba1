"""Warnings that are collected where they arise, to be said where they are read."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def collecting_remarks() -> Iterator[list[str]]:
    """Inside the `with`, this program's warnings are collected in the list instead of shown."""
    log = logging.getLogger("improved_gan")
    heard: list[str] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    handlers, log.handlers, propagates, log.propagate = log.handlers, [listener], log.propagate, False
    try:
        yield heard
    finally:
        log.handlers, log.propagate = handlers, propagates
