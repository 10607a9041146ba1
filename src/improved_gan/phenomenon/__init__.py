"""Why GANs are hard to train, one file a phenomenon: the picture and the table that a multirun of it ends with.

Each file has `draw(rows, folder)`: it is given the finished runs, in rows that differ in nothing but seeds
(`report.grouping`), writes `phenomenon.png` into `folder` and returns the lines of a table.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from improved_gan.files import atomic_write
from improved_gan.phenomenon.drawing.rows import finished_rows

__all__ = ["draw_phenomenon"]


def draw_phenomenon(name: str, root: Path) -> Path | None:
    """Draw the phenomenon `name` from the runs below `root` into `<root>/report`, print its table.

    Returns the picture's path; None where no run has finished yet.
    """
    rows = finished_rows(root)
    if not rows:
        return None
    folder = root / "report"
    folder.mkdir(exist_ok=True)
    lines = import_module(f"improved_gan.phenomenon.{name}").draw(rows, folder)
    table = markdown(lines)
    with atomic_write(folder / "phenomenon.md") as file:
        file.write(table.encode())
    print(table, end="")
    return folder / "phenomenon.png"


def markdown(lines: list[dict[str, Any]]) -> str:
    """The lines as a Markdown table; what a line lacks is left empty, and a column that says nothing is left out."""
    frame = pd.DataFrame(lines).fillna("").astype(str)
    frame = frame.loc[:, (frame != "").any()]
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy().tolist()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
