"""The handwritten digits that scikit-learn brings: 8x8, no files needed."""

from pathlib import Path
from typing import Any

from improved_gan.dataset.formats import read_digits
from improved_gan.dataset.source import Dataset, Shape, Source
from improved_gan.nodes import DatasetConfig
from improved_gan.schema import UsageError


def check(config: DatasetConfig, run: Any) -> None:
    """There is one such set."""
    if config.name != "digits":
        raise UsageError(f"dataset.name={config.name}: must be digits with source scikit_learn")


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """Inside the package scikit-learn."""
    origin = "sklearn.datasets.load_digits"
    return Source(config.name, f"dataset={config.name}", origin, None, [], shape, lambda _: read_digits())


DATASET = Dataset(find=find, check=check)
