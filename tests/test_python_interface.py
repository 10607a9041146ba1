"""Runs made and read from Python, by the command line's own path."""

from pathlib import Path

import pandas
import pytest
import torch
from PIL import Image

import improved_gan
from improved_gan.cli import run as command_line
from improved_gan.config import UsageError

SETTINGS = ("dataset=ring", "technique=none", "training.steps=40", "training.sample_interval=20", "metrics=none")
SETTINGS += ("architecture.width=16", "architecture.generator_width=16", "training.threads=1", "device=cpu")
SETTINGS += ("tracking.mode=disabled",)


@pytest.mark.integration
def test_training_from_python_returns_the_run_that_the_command_line_finds_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (*SETTINGS, f"output_root={tmp_path}")
    run = improved_gan.train(*settings)
    assert run.sample(8).shape == (8, 2)
    assert run.summary["status"] == "finished"
    assert isinstance(run.metrics, pandas.DataFrame)
    assert list(run.metrics.index) == [10, 20, 30, 40]
    assert run.metrics["generator_loss"].notna().all()
    assert len(run.pictures) == 3 and all(isinstance(picture, Image.Image) for picture in run.pictures)
    capsys.readouterr()
    assert command_line(list(settings)) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == str(run.folder)
    assert "already finished" in err


def test_the_digits_generator_that_comes_along_draws_without_training() -> None:
    run = improved_gan.load("pretrained/digits", device="cpu")
    images = run.sample(200)
    assert images.shape == (200, 1, 8, 8) and images.dtype == torch.uint8
    assert len(images.unique(dim=0)) > 190 and 40 < images.float().mean() < 120  # of the real digits: 78
    assert run.summary["status"] == "finished" and run.metrics.empty
    with pytest.raises(UsageError, match="holds a generator only"):
        run.discriminator  # noqa: B018 that it raises is the point


def test_the_mnist_generator_that_comes_along_draws_digits_and_both_are_small() -> None:
    run = improved_gan.load("pretrained/mnist", device="cpu")
    images = run.sample(200)
    assert images.shape == (200, 1, 28, 28) and images.dtype == torch.uint8
    assert len(images.unique(dim=0)) > 190 and 15 < images.float().mean() < 60  # of MNIST: 33
    stored = [path for path in (Path(improved_gan.__file__).parent / "pretrained").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in stored) < 4_000_000


def test_a_generator_that_does_not_come_along_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="there is pretrained/digits, pretrained/mnist"):
        improved_gan.load("pretrained/imagenet")


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("dataset=rings",), "did you mean ring"),
        (("-m", "seed=1"), "makes one run"),
        (("seed=1,2",), "require -m"),
        (("job=report",), "remove job="),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_made(
    overrides: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=complaint):
        improved_gan.train(*overrides, f"output_root={tmp_path / 'outputs'}")
    assert not (tmp_path / "outputs").exists()
