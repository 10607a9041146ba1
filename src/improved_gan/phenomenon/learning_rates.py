"""Balance by two learning rates: sample quality over the generator's and the discriminator's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from improved_gan.phenomenon.drawing.heat_map import draw_heat_maps
from improved_gan.report.grouping import Row


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """The Fréchet classifier distance (lower is better) over both rates."""
    return draw_heat_maps(
        rows,
        folder,
        x="training.discriminator_learning_rate",
        y="training.generator_learning_rate",
        panel=None,
        metric="frechet_classifier_distance",
        words=("discriminator's learning rate", "generator's learning rate", "Fréchet classifier distance"),
    )
