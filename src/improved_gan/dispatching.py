"""One job, and every way that it can end turned into an exit status and a sentence."""

import errno
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.job import job_named
from improved_gan.processes import ProcessLost, place
from improved_gan.training.termination import Stopped, TrainingFailed, ending_at_once, raising_stopped

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE)
log = logging.getLogger("improved_gan")


@dataclass(frozen=True)
class Outcome:
    """How a job ended: 0 done, 1 failed, 2 a wrong request, 128 + n stopped by signal n."""

    status: int
    folder: Path | None = None
    reason: str = ""


def dispatch(request: Request) -> Outcome:
    """Do what `request` asks; never raises what a job can raise, but says it on stderr."""
    log_to_stderr()
    where = place()
    try:
        if where.count > 1 and request.config.job.name != "train":
            raise UsageError(f"job={request.config.job.name}: takes one process; start it without torchrun")
        with ending_at_once():
            job = job_named(request.config.job.name)
        with raising_stopped():
            return Outcome(0, job(request))
    except UsageError as error:
        outcome = Outcome(2, None, str(error))
    except Stopped as stop:
        print(f"{stop}; the same command goes on from the checkpoint", file=sys.stderr)
        return Outcome(128 + stop.signum, None, str(stop))
    except (TrainingFailed, ProcessLost) as error:
        outcome = Outcome(1, None, str(error))
    except Exception as error:
        if not (reason := resource_that_ran_out(error)):
            log.exception("the run failed")
        outcome = Outcome(1, None, reason or f"{type(error).__name__}: {error}")
    speaker = f"process {where.rank}: " if where.rank else ""
    print(f"error: {speaker}{outcome.reason}", file=sys.stderr)
    return outcome


def resource_that_ran_out(error: BaseException | None) -> str:
    """What a machine that is too small for the request lacks, which no traceback explains; empty for other errors."""
    while error is not None:
        words = str(error).splitlines() or [type(error).__name__]
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            return f"{error.strerror}: {error.filename or 'while writing to output_root or beside the data'}"
        if "home directory" in words[0]:  # as Path and others put it
            return f"{words[0].rstrip('.')}: set HOME, or XDG_CACHE_HOME for what is kept between runs"
        if isinstance(error, MemoryError) or any(end in words[0] for end in ("out of memory", "allocate memory")):
            return f"not enough memory ({words[0]}); training.batch_size and architecture.width make runs smaller"
        error = error.__context__  # PyTorch turns what it meets while writing into an error of its own
    return ""


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what `sys.stderr` is at that moment: a notebook or a test puts its own in place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


def log_to_stderr() -> None:
    """Let the program's own log be read on stderr; once, however often it is called."""
    if not log.handlers:
        handler = _StderrHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.setLevel(logging.INFO)
        log.addHandler(handler)
        log.setLevel(logging.DEBUG)  # tracebacks go to a run's log.txt
