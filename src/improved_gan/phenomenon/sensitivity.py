"""Sensitivity to hyperparameters: sample quality over learning rate and beta1 of Adam, objective by objective."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from improved_gan.phenomenon.drawing.heat_map import draw_heat_maps
from improved_gan.report.grouping import Row


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """The Fréchet classifier distance (lower is better) over both, a panel an objective."""
    return draw_heat_maps(
        rows,
        folder,
        x="training.learning_rate",
        y="training.optimizer.beta1",
        panel="objective.name",
        metric="frechet_classifier_distance",
        words=("learning rate", "beta1", "Fréchet classifier distance"),
    )
