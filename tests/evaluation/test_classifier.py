"""The classifier that judges samples: it learns, is trained once, and disturbs nothing."""

import dataclasses
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch

from improved_gan.dataset import PreparedDataset, PreparedSplit
from improved_gan.evaluation import classifier as module
from improved_gan.evaluation.classifier import STACKED, check_classifier, classifier_of, taught_on
from improved_gan.evaluation.classifier.network import recipe_for
from improved_gan.evaluation.classifier.training import augmented, splits
from improved_gan.metrics.extraction import FeatureExtractor, extract
from improved_gan.metrics.inputs import MetricUnavailable


def two_classes(folder: Path, count: int = 200, *, test: bool = True, size: int = 8) -> PreparedDataset:
    """Images that are brighter on the left or on the right."""
    source = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = source.integers(0, 100, (count, 1, size, size))
    images[labels == 0, :, :, : size // 2] += 100
    images[labels == 1, :, :, size // 2 :] += 100
    train = PreparedSplit(images.astype(np.uint8), labels.astype(np.int64))
    return PreparedDataset("halves", (1, size, size), 2, None, train, train if test else None, "checksum", folder)


def test_it_learns_is_kept_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, device = two_classes(tmp_path), torch.device("cpu")
    state = torch.random.get_rng_state()
    first = classifier_of(data, tmp_path, device)
    assert (
        first.accuracy > 0.95 and f"({first.accuracy:.2%} right)" in first.name and isinstance(first, FeatureExtractor)
    )
    assert torch.equal(state, torch.random.get_rng_state())  # training a GAN goes on as if nothing had been

    monkeypatch.setattr(module, "train_classifier", lambda *_: pytest.fail("it is there already"))
    again = classifier_of(data, tmp_path, device)
    assert again.name == first.name and torch.equal(state, torch.random.get_rng_state())
    images = torch.from_numpy(data.train.images[:20])
    torch.testing.assert_close(again(images), first(images), rtol=0, atol=0)


def test_batch_size_changes_nothing_but_rounding(tmp_path: Path) -> None:
    data = two_classes(tmp_path, 60)
    small = classifier_of(data, tmp_path, torch.device("cpu"), batch_size=7)
    large = classifier_of(data, tmp_path, torch.device("cpu"), batch_size=60)
    one, other = (extract(network, data.train.images, splits=2, keep=True) for network in (small, large))
    torch.testing.assert_close(one.values, other.values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.moments.covariance, other.moments.covariance, rtol=1e-4, atol=1e-5)


def test_a_damaged_file_is_trained_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data, device = two_classes(tmp_path, 60), torch.device("cpu")
    first = classifier_of(data, tmp_path, device)
    (path,) = tmp_path.glob("classifier-*.pt")
    path.write_bytes(path.read_bytes()[:1000])
    assert classifier_of(data, tmp_path, device).name == first.name and "damaged" in caplog.text


def test_without_a_test_split_a_tenth_is_held_out(tmp_path: Path) -> None:
    train, test = splits(two_classes(tmp_path, 60, test=False))
    assert len(train.images) == 54 and len(test.images) == 6


def test_what_cannot_or_should_not_be_trained(tmp_path: Path) -> None:
    data = two_classes(tmp_path, 30)
    unlabelled = PreparedDataset(
        "none", (1, 8, 8), None, None, PreparedSplit(data.train.images, None), None, "x", tmp_path
    )
    with pytest.raises(MetricUnavailable, match="no classes"):
        check_classifier(unlabelled, tmp_path)
    large = two_classes(tmp_path, 600, size=32)
    check_classifier(large, tmp_path)
    with pytest.raises(MetricUnavailable, match="job=evaluate"):
        check_classifier(large, tmp_path, only_cheap=True)


def test_moved_and_mirrored_copies() -> None:
    images = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(200, 1, 1, 1)
    source = torch.Generator().manual_seed(0)
    still = augmented(images, 0, False, source)
    assert torch.equal(still, images)
    mirrored = augmented(images, 0, True, source)
    turned = (mirrored == images.flip(3)).flatten(1).all(dim=1)
    assert 60 < turned.sum() < 140 and torch.equal(mirrored[~turned], images[~turned])
    moved = augmented(images, 1, False, source)
    assert {float(image[0, 1, 1]) for image in moved} == {0, 1, 2, 4, 5, 6, 8, 9, 10}  # its nine neighbours


def _name(folder: Path) -> str:
    torch.set_num_threads(1)
    return classifier_of(two_classes(folder, 60), folder, torch.device("cpu")).name


@pytest.mark.integration
def test_one_process_trains_and_the_others_wait(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        names = pool.map(_name, [tmp_path] * 2)
    assert len(set(names)) == 1 and len(list(tmp_path.glob("classifier-*.pt"))) == 1


def test_recipes_differ_between_digits_and_photographs(tmp_path: Path) -> None:
    digits = two_classes(tmp_path)
    photographs = dataclasses.replace(digits, name="cifar10", image_shape=(3, 32, 32))
    gray, colour = recipe_for(digits), recipe_for(photographs)
    assert not gray.mirrored and colour.mirrored
    assert (gray.width, gray.shift, gray.epochs) == (16, 0, 20)
    assert (colour.width, colour.shift, colour.epochs) == (32, 3, 20)


def stacked(folder: Path, count: int = 300) -> PreparedDataset:
    """Three images at a time, of ten classes, brighter and brighter."""
    source = np.random.default_rng(0)
    digits = source.integers(0, 10, (count, 3))
    images = source.integers(0, 10, (count, 3, 10, 10)) + 25 * digits[:, :, None, None]
    split = PreparedSplit(images.astype(np.uint8), (digits @ [100, 10, 1]).astype(np.int64))
    return PreparedDataset(STACKED, (3, 10, 10), 1000, None, split, split, "checksum", folder)


def test_stacked_digits_are_read_a_channel_at_a_time(tmp_path: Path) -> None:
    data = stacked(tmp_path)
    single = taught_on(data)
    assert single.train.images.shape == (900, 1, 10, 10) and single.classes == 10 and single.train.labels is not None
    assert np.shares_memory(single.train.images, data.train.images)
    for place, power in enumerate((100, 10, 1)):
        assert data.train.labels is not None
        assert (single.train.labels[place::3] == data.train.labels // power % 10).all()
        assert np.array_equal(single.train.images[place::3, 0], data.train.images[:, place])

    classifier = classifier_of(data, tmp_path, torch.device("cpu"))
    images = torch.from_numpy(data.train.images[:50])
    features, logits = classifier(images)
    channels = [super(type(classifier), classifier).__call__(images[:, k : k + 1]) for k in range(3)]
    torch.testing.assert_close(features, torch.cat([f for f, _ in channels], dim=1))
    first, second, third = (scores.softmax(dim=1) for _, scores in channels)
    together = (first[:, :, None, None] * second[:, None, :, None] * third[:, None, None, :]).flatten(1)
    torch.testing.assert_close(logits.exp(), together)
    assert (logits.argmax(dim=1) == torch.from_numpy(data.train.labels[:50])).float().mean() > 0.9


def test_images_held_out_are_of_all_classes_whatever_the_order(tmp_path: Path) -> None:
    for labels in (np.arange(200) % 10, np.repeat(np.arange(10), 20)):
        train = PreparedSplit(np.zeros((200, 1, 8, 8), np.uint8), labels)
        data = PreparedDataset("made", (1, 8, 8), 10, None, train, None, "checksum", tmp_path)
        learned, held_out = splits(data)
        assert learned.labels is not None and held_out.labels is not None
        assert np.bincount(learned.labels).tolist() == [18] * 10 and np.bincount(held_out.labels).tolist() == [2] * 10
