"""Standard streams that cannot fail a run: one that is closed, or whose reader has gone, leads nowhere."""

import io
import os
import sys

FLAGS = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)  # of standard input, output and error


class _Unfailing(io.FileIO):
    """A file that is /dev/null from the first write on that fails."""

    def write(self, data, /) -> int:  # type: ignore[no-untyped-def] # any buffer
        try:
            return super().write(data)
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(data).nbytes


def guard_streams() -> None:
    """Have stdout and stderr take every write and every character; streams that somebody replaced are left alone."""
    for number, flags in enumerate(FLAGS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number, or a run's own file would
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _guarded(number, stream))


def _guarded(number: int, stream: io.TextIOWrapper | None) -> io.TextIOWrapper:
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Unfailing(number, "wb", closefd=False)),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="backslashreplace",  # results of a run are worth more than an odd letter
        line_buffering=stream is None or stream.line_buffering or stream.write_through,
    )
