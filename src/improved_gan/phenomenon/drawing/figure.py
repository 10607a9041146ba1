"""The one picture that a phenomenon ends with."""

from pathlib import Path

from matplotlib.figure import Figure

from improved_gan.files import atomic_write


def save_picture(figure: Figure, folder: Path) -> None:
    """Write `phenomenon.png` into `folder`, whole or not at all."""
    with atomic_write(folder / "phenomenon.png") as file:
        figure.savefig(file)
