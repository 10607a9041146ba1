"""Which files of a folder are its images: one rule for sets to train on and for images to be judged."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jfif",
    ".png",
    ".bmp",
    ".gif",
    ".ppm",
    ".pgm",
    ".tif",
    ".tiff",
    ".webp",
)
BESIDES = ("__MACOSX", "@eaDir")  # what archivers and network drives put beside the files


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over."""
    return name.startswith(".") or name in BESIDES


def image_files(folder: Path, left_out: Counter[str] | None = None) -> list[Path]:
    """All images below `folder`, links followed, in one fixed order; what is passed over is counted in `left_out`."""
    left_out = Counter() if left_out is None else left_out
    found: list[Path] = []
    _walk(folder, (os.path.realpath(folder),), found, left_out)
    return sorted(found)


def holds(place: str, other: str) -> bool:
    """Whether the folder `other` is `place` or lies below it; real paths both."""
    return os.path.commonpath((place, other)) == place


def _walk(folder: Path, above: tuple[str, ...], found: list[Path], left_out: Counter[str]) -> None:
    for path in folder.iterdir():
        is_image = path.name.lower().endswith(SUFFIXES)
        if is_hidden(path.name):
            left_out["hidden files or folders"] += 1
        elif path.is_dir():
            place = os.path.realpath(path)
            if any(holds(place, each) for each in above):
                left_out["links to a folder that holds them"] += 1
            else:
                _walk(path, (*above, place), found, left_out)
        elif not path.exists():
            left_out["broken links"] += 1
        elif is_image and path.is_file():
            found.append(path)
        else:
            left_out["other files"] += 1


def counted(counts: Mapping[str, int]) -> str:
    """`counts` in words, in one line."""
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
