"""What every test stands on: shapes checked at every call, no network, a cache and an output folder of its own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ.setdefault("MPLBACKEND", "Agg")
install_import_hook("improved_gan", "typechecker.check")

REPOSITORY = Path(__file__).parents[1]
SHARED_DATASETS = REPOSITORY.parent / "shared" / "datasets"
if "IMPROVED_GAN_DATA" not in os.environ and SHARED_DATASETS.is_dir():
    os.environ["IMPROVED_GAN_DATA"] = str(SHARED_DATASETS)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: runs with --slow (make test-slow)"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with mnist.npz and cifar10.npz; the test is skipped where there is none."""
    folder = Path(os.environ.get("IMPROVED_GAN_DATA", "nowhere"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip("needs mnist.npz and cifar10.npz: set IMPROVED_GAN_DATA to their folder")
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of `improved-gan` with outputs under `tmp_path`, as arguments for subprocess.run."""

    def line(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "improved_gan", *arguments, f"output_root={tmp_path / 'outputs'}"]

    return line
