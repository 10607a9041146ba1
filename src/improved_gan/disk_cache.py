"""Files that take long to make: of the processes that want one, one makes it while the others wait."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from improved_gan.file_lock import hold

log = logging.getLogger("improved_gan")
Made = TypeVar("Made")


def load_or_compute(
    path: Path, read: Callable[[], Made | None], make: Callable[[], Made], store: Callable[[Made], None], does: str
) -> Made:
    """What `read` finds under `path`, or else what `make` makes and `store` then stores there, if that can be.

    `read` gives None where there is no whole file. `does` says, in the log of those who wait, what the other does:
    "trains", say.
    """
    found = read()
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path.with_suffix(".lock"), "a")  # noqa: SIM115 closed below
    except OSError as error:
        _warn(path, error)
        return make()
    with lock:
        try:
            hold(lock, wait=False)
        except BlockingIOError:
            log.info("waiting for another process that %s %s", does, path)
            hold(lock, wait=True)
        found = read()
        if found is None:
            found = make()
            try:
                store(found)
            except OSError as error:
                _warn(path, error)
        return found


def _warn(path: Path, error: OSError) -> None:
    log.warning("%s: cannot be kept for next time (%s)", path, error.strerror)
