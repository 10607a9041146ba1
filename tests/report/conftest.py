from pathlib import Path

import pytest
from made_runs import Maker

from improved_gan.config import ReportConfig


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Makes runs in a folder of their own."""
    root = tmp_path / "runs"
    root.mkdir()
    return Maker(root)


@pytest.fixture
def settings() -> ReportConfig:
    """What conf/job/report.yaml says, with fewer resamples."""
    return ReportConfig(metric=None, confidence=0.95, resamples=1000, rows=36, figures=None)
