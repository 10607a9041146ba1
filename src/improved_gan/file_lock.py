"""Locks between processes, where the file system has them; where it has none, one warning, and work goes on."""

import errno
import fcntl
import logging
from functools import cache
from typing import IO, Any

log = logging.getLogger("improved_gan")
UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


def hold(file: IO[Any], *, wait: bool) -> None:
    """Have `file` locked until it is closed; `BlockingIOError` where another process has it and we do not `wait`."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _warn(error.strerror)


@cache
def _warn(why: str) -> None:
    """Once in a process."""
    log.warning("no file locks here (%s): do not run two processes on one run", why)
