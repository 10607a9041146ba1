"""Duplicates among samples and copies of training images are found and shown."""

import numpy as np
import pytest
import torch
from fake_inputs import evidence_of, image_set, random_images

from improved_gan.metrics.near_duplicates import nearest_neighbours, nearest_pairs
from improved_gan.metrics.registry import METRICS


def test_nearest_pairs() -> None:
    points = torch.tensor([[0.0], [10.0], [10.5], [3.0]])
    pairs, distances = nearest_pairs(points, 2)
    assert pairs.tolist() == [[1, 2], [0, 3]] and distances.tolist() == [0.5, 3]


def test_nearest_neighbours_are_exact_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improved_gan.metrics.near_duplicates.BLOCK", 7)
    among = random_images(40, seed=0)
    points = torch.from_numpy(among[[33, 4]]).flatten(1).float() / 255
    indices, distances = nearest_neighbours(points, among, 3)
    everything = (torch.from_numpy(among).flatten(1).double() / 255)[None] - points.double()[:, None]
    expected = everything.norm(dim=2).sort(dim=1)
    assert indices.tolist() == expected.indices[:, :3].tolist() and indices[:, 0].tolist() == [33, 4]
    assert distances[:, 0].tolist() == [0, 0]
    assert distances.flatten().tolist() == pytest.approx(expected.values[:, :3].flatten().tolist(), abs=1e-5)


def test_birthday_test_tells_a_generator_of_few_images() -> None:
    reference = image_set(random_images(400, seed=0), split="train")
    few = np.tile(random_images(10, seed=1), (40, 1, 1, 1))
    score = METRICS["birthday_test"].compute(evidence_of(few, reference=reference))
    assert score.value == 1 and score.details["closest_pair"] == 0 and score.details["support"] == 200**2
    (picture,) = score.pictures
    assert len(picture.images) % 2 == 0 and torch.equal(picture.images[0], picture.images[1])
    same = METRICS["birthday_test"].compute(evidence_of(reference.images, reference=reference))
    assert same.value == 0 and "support" not in same.details


def test_memorised_images_lie_on_training_images() -> None:
    train, test = random_images(300, seed=0), random_images(50, seed=1)
    given = {"reference": image_set(train, split="train"), "held_out": image_set(test, split="test")}
    copies = METRICS["nearest_training_ratio"].compute(evidence_of(train[20:60], **given))
    assert copies.value == pytest.approx(0, abs=1e-6) and copies.details["identical"] == 40
    (picture,) = copies.pictures
    assert picture.columns == 6 and torch.equal(picture.images[0], picture.images[1])  # a sample and its nearest
    fresh = METRICS["nearest_training_ratio"].compute(evidence_of(random_images(50, seed=2), **given))
    assert fresh.value == pytest.approx(1, abs=0.1)
