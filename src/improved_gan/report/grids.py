"""Sample grids of the rows, side by side: the newest grid of one seed each, small enough to travel in the page."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from improved_gan.report.grouping import Row
from improved_gan.report.plots import data_uri
from improved_gan.report.runs import Run

LARGEST = 420  # pixels a side; a larger grid is shrunk


@dataclass(frozen=True)
class Grid:
    """A picture of samples and what it is of."""

    label: str
    caption: str
    source: str  # data URI of a PNG


def grids_of(rows: Sequence[Row], problems: list[str]) -> list[Grid]:
    """One for each row that has drawn samples: of the same seed, where the rows share one."""
    common = Counter(run.settings.get("seed") for row in rows for run in row.counted).most_common()
    order = {seed: place for place, (seed, _) in enumerate(common)}
    found = []
    for row in rows:
        for run in sorted(row.counted, key=lambda run: order[run.settings.get("seed")]):
            grid = _grid(row, run, problems)
            if grid is not None:
                found.append(grid)
                break
    return found


def _grid(row: Row, run: Run, problems: list[str]) -> Grid | None:
    pictures = {step: path for path in (run.folder / "samples").glob("step_*.png") if (step := _step(path)) is not None}
    for step, path in sorted(pictures.items(), reverse=True):
        try:
            return Grid(row.label, f"seed {run.settings.get('seed')}, step {step:,}", data_uri(_small(path), "png"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            problems.append(f"{run.name}: samples/{path.name} cannot be read ({type(error).__name__})")
    return None


def _step(path: Path) -> int | None:
    digits = path.stem.removeprefix("step_")
    return int(digits) if digits.isdecimal() else None


def _small(path: Path) -> bytes:
    """The PNG itself, or a smaller one of the same picture."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        if max(image.size) <= LARGEST:
            return content
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, format="png", optimize=True)
        return buffer.getvalue()
