"""Files that appear whole or not at all; those that take long to make are made by one process while others wait."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from improved_gan.file_lock import hold

log = logging.getLogger("improved_gan")
Made = TypeVar("Made")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only once it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
