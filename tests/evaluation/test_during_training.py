"""What is measured of a run while it trains: it is right, and training goes on as if nothing had been measured."""

from pathlib import Path

import numpy as np
import pytest
import torch

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.evaluation import features
from improved_gan.evaluation.during_training import ModeHistogram, final_scores, overfitting
from improved_gan.metrics.extraction import FeatureExtractor
from improved_gan.training.trainer import Trainer

SMALL = ("architecture.width=16", "architecture.generator_width=16", "training.batch_size=20", "device=cpu")
SMALL += ("training.steps=100", "metrics.samples=60", "metrics.reference_samples=80", "technique=our_methods")


class Pixels:
    """A `FeatureExtractor` without a network."""

    name, batch_size, device, accuracy = "pixels", 32, torch.device("cpu"), 1.0

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = images.flatten(1).float()
        return pixels[:, 20:24], pixels[:, 20:30] / 100


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(features, "classifier_of", lambda *_: Pixels())
    monkeypatch.setattr(features, "cache_folder", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def trainer(*overrides: str) -> Trainer:
    config = compose_jobs([*SMALL, *overrides])[0].config
    return Trainer(config, dataset.load(config.dataset, Path("nowhere")))


def test_scores_at_the_end_say_what_they_are_of(cache: Path) -> None:
    assert isinstance(Pixels(), FeatureExtractor)
    entries = final_scores(trainer())
    assert set(entries) == {"classifier_score", "frechet_classifier_distance"}
    distance = entries["frechet_classifier_distance"]
    assert distance["samples"] == 60 and distance["reference_samples"] == 80 and distance["split"] == "train"
    assert distance["features"] == "pixels" and distance["value"] > 0 and cache.is_dir()


def test_measuring_changes_nothing_that_comes_after(cache: Path) -> None:
    weights = []
    for measured in (False, True):
        one = trainer("metrics.names=[modes_captured,classifier_score]")
        one.initialise()
        for _ in range(3):
            one.advance()
            if measured:
                overfitting(one)
                ModeHistogram(one)()
                final_scores(one)
        weights.append(torch.cat([p.flatten() for p in one.pair.generator.parameters()]).detach())
    assert torch.equal(*weights)


def test_samples_of_each_mode_are_counted_where_modes_are_measured(cache: Path) -> None:
    one = trainer("metrics.names=[modes_captured,mode_kl]")
    values = ModeHistogram(one)()
    images = torch.from_numpy(one.sampler.sample(60, 1).numpy())
    expected = torch.bincount(Pixels()(images)[1].argmax(dim=1), minlength=10)
    assert values["mode_counts"] == expected.tolist() and values["modes_captured"] == int((expected > 0).sum())
    assert set(values) == {"mode_counts", "modes_captured", "mode_kl"}
    assert ModeHistogram(trainer())() == {}


def test_log_d_of_training_and_of_held_out_images(cache: Path) -> None:
    values = overfitting(trainer("dataset.validation_images=30"))
    assert set(values) == {"log_d_train", "log_d_held_out"}
    assert all(value < 0 and np.isfinite(value) for value in values.values())


def test_nothing_to_measure(cache: Path) -> None:
    assert final_scores(trainer("metrics=none")) == {}
    alone = trainer("objective=supervised_only", "technique=none")
    assert final_scores(alone) == {} and overfitting(alone) == {}
