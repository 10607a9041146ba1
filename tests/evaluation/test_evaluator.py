"""What is known of real images is kept, under a key of all that it depends on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.dataset import PreparedDataset, PreparedSplit
from improved_gan.evaluation import features
from improved_gan.evaluation.evaluator import EvaluationResult, Evaluator
from improved_gan.metrics.inputs import ImageSet


class Pixels:
    """A `FeatureExtractor` without a network."""

    batch_size, device, accuracy = 32, torch.device("cpu"), 1.0

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = images.flatten(1).float()
        return pixels, pixels[:, :3] / 100


def data(folder: Path, checksum: str = "1") -> PreparedDataset:
    source = np.random.default_rng(int(checksum))
    train, test = (source.integers(0, 256, (40, 1, 3, 3), dtype=np.uint8) for _ in range(2))
    labels = np.arange(40) % 2
    splits = PreparedSplit(train, labels), PreparedSplit(test, labels)
    return PreparedDataset("made", (1, 3, 3), 2, None, *splits, checksum, folder)


def judge(dataset: PreparedDataset, **metrics: object) -> float:
    config = compose_jobs(["metrics.names=[frechet_classifier_distance]", "metrics.inception_score_splits=2"])[
        0
    ].config.metrics
    changed = dataclasses.replace(config, **metrics)  # type: ignore[arg-type]
    samples = ImageSet("samples", "x", np.random.default_rng(9).integers(0, 256, (20, 1, 3, 3), dtype=np.uint8))
    result = Evaluator(changed, lambda: dataset, torch.device("cpu"), seed=1).evaluate(samples)
    return result.scores["frechet_classifier_distance"].value


def test_the_key_holds_data_split_count_and_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "network-1"
    monkeypatch.setattr(features, "classifier_of", lambda *_: Pixels(name))
    found = [judge(data(tmp_path))]
    assert judge(data(tmp_path)) == found[0] and len(list(tmp_path.rglob("features-*.npz"))) == 1
    found.append(judge(data(tmp_path), reference_samples=30))
    found.append(judge(data(tmp_path), reference_split="test"))
    found.append(judge(data(tmp_path, checksum="2")))
    assert len(set(found)) == 4 and len(list(tmp_path.rglob("features-*.npz"))) == 4
    name = "network-2"
    judge(data(tmp_path))
    assert len(list(tmp_path.rglob("features-*.npz"))) == 5


def test_fewer_samples_than_splits(tmp_path: Path) -> None:
    config = compose_jobs(["metrics.names=[classifier_score]", "metrics.inception_score_splits=21"])[0].config.metrics
    samples = ImageSet("samples", "x", np.zeros((20, 1, 3, 3), np.uint8))
    with pytest.raises(UsageError, match=r"metrics\.inception_score_splits=21: must be at most 20"):
        Evaluator(config, lambda: data(tmp_path), torch.device("cpu"), seed=1).evaluate(samples)
    assert not list(tmp_path.iterdir())


def test_a_classifier_that_learned_too_little_judges_nothing(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    train, test = (source.integers(0, 256, (100, 1, 8, 8), dtype=np.uint8) for _ in range(2))
    labels = np.arange(100) % 10  # which the images know nothing of
    splits = PreparedSplit(train, labels), PreparedSplit(test, labels)
    noise = PreparedDataset("noise", (1, 8, 8), 10, None, *splits, "1", tmp_path)
    config = compose_jobs(
        ["metrics.names=[classifier_score,modes_captured,sliced_wasserstein]", "metrics.inception_score_splits=2"]
    )
    samples = ImageSet("samples", "x", test[:50])

    def result(least: float) -> EvaluationResult:
        metrics = dataclasses.replace(config[0].config.metrics, classifier_min_accuracy=least)
        return Evaluator(metrics, lambda: noise, torch.device("cpu"), seed=1).evaluate(samples)

    strict = result(config[0].config.metrics.classifier_min_accuracy)
    assert list(strict.scores) == ["sliced_wasserstein"]
    assert set(strict.missing) == {"classifier_score", "modes_captured"}
    assert all("metrics.classifier_min_accuracy=0.8" in reason for reason in strict.missing.values())
    assert "classifier_score" in result(0.0).scores


def test_gray_samples_are_made_rgb_for_a_set_in_colour(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = np.repeat(np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8), 3, axis=1)
    colour = PreparedDataset("made", (3, 8, 8), None, None, PreparedSplit(images, None), None, "1", tmp_path)
    config = compose_jobs(["metrics.names=[sliced_wasserstein]"])[0].config.metrics
    evaluator = Evaluator(config, lambda: colour, torch.device("cpu"), seed=1)
    gray = evaluator.in_colours_of_data(ImageSet("gray", "x", images[:, :1]))
    assert np.array_equal(gray.images, images) and "40 in gray made RGB" in caplog.text
    assert evaluator.evaluate(gray).scores["sliced_wasserstein"].value == 0
