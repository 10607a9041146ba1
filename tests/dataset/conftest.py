from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from improved_gan.nodes import DatasetConfig

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own: what it prepares goes here, and never into the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "improved_gan"


@pytest.fixture
def configure() -> Callable[..., DatasetConfig]:
    """`configure("mnist", key=value)`: the schema filled from conf/dataset/mnist.yaml, with some keys changed."""

    def configured(name: str, **changes: Any) -> DatasetConfig:
        values = OmegaConf.load(REPOSITORY / "conf" / "dataset" / f"{name}.yaml").dataset
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DatasetConfig), values, changes))
        assert isinstance(config, DatasetConfig)
        return config

    return configured
