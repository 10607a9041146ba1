"""A convolutional classifier of a data set's own labels: judges samples where Inception does not fit or is not there.

Trained once for each data set: one-cycle SGD, products in bf16 where that is fast, mirrored and shifted copies. The
weights lie in a cache under a key of data checksum and recipe; one process trains while the others wait.
"""

import dataclasses
import hashlib
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from improved_gan.dataset import PreparedDataset, PreparedSplit
from improved_gan.evaluation.classifier.network import (
    OFFSET,
    SCALE,
    Convolutions,
    fresh_network,
    placed,
    recipe_for,
)
from improved_gan.evaluation.classifier.training import train_classifier
from improved_gan.exact_arithmetic import exact_fp32
from improved_gan.files import atomic_write, load_or_compute
from improved_gan.metrics.inputs import MetricUnavailable

log = logging.getLogger("improved_gan")
STACKED = "stacked_mnist"  # the set whose images are three digits each
CHEAP = 500_000  # bytes of training images that are passed over in seconds, as the digits are


class Classifier:
    """A `FeatureExtractor`: features and logits, in fp32, of images of the shape that it was trained on."""

    def __init__(self, network: Convolutions, accuracy: float, device: torch.device, batch_size: int | None) -> None:
        self.network = placed(network, device).requires_grad_(False).eval()
        self.accuracy, self.device, self.batch_size = (
            accuracy,
            device,
            batch_size or (250 if device.type == "cpu" else 512),
        )
        # Its accuracy is part of the name, and so stands beside every score.
        self.name = f"classifier-{_checksum(network)[:8]} ({accuracy:.2%} right)"

    @torch.inference_mode()
    def __call__(
        self, images: UInt8[Tensor, "n channel height width"]
    ) -> tuple[Float[Tensor, "n feature"], Float[Tensor, "n classes"]]:
        with exact_fp32():
            return self.network((images.float() - OFFSET) / SCALE)


class ChannelClassifier(Classifier):
    """Reads stacked digits a channel at a time: features side by side, and a logit for each combination of classes."""

    @torch.inference_mode()
    def __call__(
        self, images: UInt8[Tensor, "n channel height width"]
    ) -> tuple[Float[Tensor, "n feature"], Float[Tensor, "n classes"]]:
        features, logits = super().__call__(images.flatten(0, 1)[:, None])
        first, *others = logits.log_softmax(dim=1).unflatten(0, images.shape[:2]).unbind(dim=1)
        for other in others:
            first = (first[:, :, None] + other[:, None, :]).flatten(
                1
            )  # log p(1, 2, 3) = log p(1) + log p(2) + log p(3)
        return features.unflatten(0, images.shape[:2]).flatten(1), first


def taught_on(dataset: PreparedDataset) -> PreparedDataset:
    """What the classifier of `dataset` learns from: the set itself; of stacked digits, the single ones."""
    if dataset.name != STACKED:
        return dataset
    train, test = _unstacked(dataset.train), None if dataset.test is None else _unstacked(dataset.test)
    shape = (1, *dataset.image_shape[1:])
    return dataclasses.replace(dataset, image_shape=shape, classes=10, class_names=None, train=train, test=test)


def _unstacked(split: PreparedSplit) -> PreparedSplit:
    assert split.labels is not None
    digits = np.stack([split.labels // 100, split.labels // 10 % 10, split.labels % 10], axis=1)
    return PreparedSplit(split.images.reshape(-1, 1, *split.images.shape[2:]), digits.reshape(-1))


def check_classifier(dataset: PreparedDataset, folder: Path, *, only_cheap: bool = False) -> None:
    """Raise `MetricUnavailable` where there are no classes or, with `only_cheap`, training would take minutes."""
    if dataset.train.labels is None or dataset.classes is None or dataset.classes < 2:
        raise MetricUnavailable(f"{dataset.name} has no classes to train a classifier on")
    dataset = taught_on(dataset)
    cheap = dataset.train.images.size <= CHEAP or _path(dataset, folder).exists()
    if only_cheap and not cheap:
        raise MetricUnavailable(
            f"the classifier of {dataset.name} is not trained yet: job=evaluate does, or metrics.train_classifier=true"
        )


def _path(dataset: PreparedDataset, folder: Path) -> Path:
    words = f"{dataset.checksum} {dataset.classes} {recipe_for(dataset)}"
    if dataset.test is None:
        words += " a tenth of each class held out"
    return folder / f"classifier-{hashlib.sha256(words.encode()).hexdigest()[:16]}.pt"


def classifier_of(
    dataset: PreparedDataset, folder: Path, device: torch.device, batch_size: int | None = None
) -> Classifier:
    """The classifier of `dataset`, from `folder` or trained now; `MetricUnavailable` without classes."""
    check_classifier(dataset, folder)
    kind, dataset = ChannelClassifier if dataset.name == STACKED else Classifier, taught_on(dataset)
    recipe, path = recipe_for(dataset), _path(dataset, folder)

    def train() -> tuple[Convolutions, float]:
        network, accuracy = train_classifier(dataset, recipe, device)
        log.warning("trained the classifier of %s: %.2f%% right on held-out images", dataset.name, 100 * accuracy)
        return network.cpu(), accuracy

    def store(trained: tuple[Convolutions, float]) -> None:
        with atomic_write(path) as file:
            torch.save({"network": trained[0].state_dict(), "accuracy": trained[1]}, file)

    network, accuracy = load_or_compute(
        path, lambda: _read(path, fresh_network(dataset, recipe)), train, store, "trains"
    )
    return kind(network, accuracy, device, batch_size)


def _read(path: Path, network: Convolutions) -> tuple[Convolutions, float] | None:
    """`network` with the stored weights, and the stored accuracy; None if there is no whole file."""
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(stored["network"])
        return network, float(stored["accuracy"])
    except FileNotFoundError:
        return None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError):
        log.warning("%s is damaged and is retrained", path)
        return None


def _checksum(network: Convolutions) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
