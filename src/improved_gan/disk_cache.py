"""Files that take long to make: of the processes that want one, one makes it while the others wait."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from improved_gan.file_lock import hold

log = logging.getLogger("improved_gan")
Made = TypeVar("Made")


def load_or_compute(path: Path, read: Callable[[], Made | None], make: Callable[[], Made], does: str) -> Made:
    """What `read` finds under `path`, or else what `make` makes and stores there.

    `read` gives None where there is no whole file. `does` says, in the log of those who wait, what the other does:
    "trains", say.
    """
    found = read()
    if found is not None:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "a") as lock:
        try:
            hold(lock, wait=False)
        except BlockingIOError:
            log.info("waiting for another process that %s %s", does, path)
            hold(lock, wait=True)
        found = read()
        return make() if found is None else found
