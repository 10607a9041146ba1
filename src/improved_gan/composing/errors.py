"""Hydra's and OmegaConf's complaints in the words of a request: `key=value: what would be right`."""

import re
import typing
from collections.abc import Sequence
from typing import Any

from improved_gan.composing.keys import groups, known_keys
from improved_gan.config import UsageError


def to_usage_error(error: Exception, overrides: Sequence[str]) -> UsageError:
    """What Hydra, OmegaConf or an assertion of theirs says of `overrides`, as one sentence."""
    for key in (text.partition("=")[0] for text in overrides):
        job = key.partition(".")[0]
        if job in groups()["job"] and f"job={job}" not in overrides:  # its node is null, which nothing can be set in
            return UsageError(f"{key}: requires job={job}; add it, or remove {key}")
    override = re.search(r"Error merging override (\S.*)", str(error))
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if override:
        line = override.group(1).strip()
        kind = known_keys().get(line.split("=", 1)[0].lstrip("+"))
        if kind is None:  # one of Hydra's own keys
            return UsageError(f"{printable(line)}: {printable(str(cause).splitlines()[0])}")
        return UsageError(f"{printable(line)}: must be {_kind_words(kind)}")
    where = getattr(cause, "full_key", None)
    message = printable((str(cause).splitlines() or [type(cause).__name__])[0])
    if "BasicLauncherConf" in message:
        message += "; hydra/launcher=joblib or submitit_slurm has such settings"
    if "hydra/launcher" in message:
        message += "; joblib, submitit_local and submitit_slurm come with pip install 'improved-gan[sweep]'"
    return UsageError(f"{where}: {message}" if where and where not in message else message)


def printable(text: str) -> str:
    """`text` on one line, with escapes in the place of what a terminal cannot show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.encode("utf-8", "replace").decode())


def _kind_words(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    members = typing.get_args(kind)
    if typing.get_origin(kind) is list:
        return f"a list like [{_kind_words(members[0]).split()[-1]}, ...]"
    return " or ".join(_kind_words(member) for member in members) if members else words.get(kind, "another value")
