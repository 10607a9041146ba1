"""Mode collapse on stacked MNIST: three digits as one colour image, 1000 modes (Metz et al. 2017; VEEGAN; PacGAN)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std, measured
from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, STYLE

MODES = 1000


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """Modes found as bars, a dot a seed, with what a run takes; and the last samples of each row's first seed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 2.8 + 9.6 / max(len(rows), 3)), dpi=110, layout="constrained")
        bars, grids = figure.subfigures(2, 1, height_ratios=[2.4, 9.6 / max(len(rows), 3)], squeeze=False).ravel()
        axes = bars.subplots()
        for place, row in enumerate(rows):
            modes = [measured(run, "modes_captured") for run in row.runs]
            axes.barh(place, sum(modes) / len(modes), color=COLOURS[place % len(COLOURS)], alpha=0.6)
            axes.plot(modes, [place] * len(modes), "o", ms=4, color="black", alpha=0.6)
        axes.set_yticks(range(len(rows)), [f"{row.label}\n{_minutes(row)} min per run" for row in rows])
        axes.set(xlim=(0, MODES), xlabel=f"modes found, of {MODES}", ylim=(len(rows) - 0.5, -0.5))
        for panel, row in zip(grids.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
            pictures = sorted((row.runs[0].folder / "samples").glob("step_*.png"))
            with Image.open(pictures[-1]) as picture:
                panel.imshow(picture.convert("RGB"))
            panel.set_title(row.label)
            panel.set_axis_off()
        save_picture(figure, folder)
    return [
        {
            "row": row.label,
            "runs": len(row.runs),
            "modes of 1000": format_mean_std([measured(run, "modes_captured") for run in row.runs], 1),
            "KL to uniform, nats": format_mean_std([measured(run, "mode_kl") for run in row.runs], 2),
            "minutes per run": _minutes(row),
        }
        for row in rows
    ]


def _minutes(row: Row) -> str:
    """Of training, mean over seeds; rows differ by a factor of four, at equal steps."""
    seconds = [run.seconds for run in row.runs if run.seconds is not None]
    return f"{sum(seconds) / len(seconds) / 60:.1f}" if seconds else "?"
