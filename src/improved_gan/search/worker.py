"""Processes that share a study: each holds a lock while it lives, by which the others know whose trials go on."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from improved_gan.config import UsageError
from improved_gan.file_lock import hold
from improved_gan.run_folder import RunFolder


class Worker:
    """This process's part in the study in `folder`, inside a `with`."""

    def __init__(self, folder: RunFolder) -> None:
        self.locks, self.name = folder.path / "workers", uuid.uuid4().hex

    def __enter__(self) -> "Worker":
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.locks}: cannot be created ({error.strerror})") from None
        self._lock = open(self.locks / self.name, "w")
        hold(self._lock, wait=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.unlink(self.locks / self.name)
        self._lock.close()

    def lives(self, name: str | None) -> bool:
        """Whether the process of that name still works on the study."""
        if name is None or not (self.locks / name).exists():
            return False
        if name == self.name:
            return True
        with open(self.locks / name) as file:
            try:
                hold(file, wait=False)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside the `with`, no other process chooses trials or writes the study's files."""
        with open(self.locks / ".choosing", "w") as file:
            hold(file, wait=True)
            yield
