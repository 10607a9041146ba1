"""A convolutional classifier of a data set's own labels: judges samples where Inception does not fit or is not there.

Trained once for each data set: one-cycle SGD, products in bf16 where that is fast, mirrored and shifted copies. The
weights lie in a cache under a key of data checksum and recipe; one process trains while the others wait.
"""

import dataclasses
import fcntl
import hashlib
import logging
import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from improved_gan.dataset import PreparedDataset, PreparedSplit
from improved_gan.metrics.evidence import MissingEvidence
from improved_gan.run_folder import written_whole
from improved_gan.training.batches import Images
from improved_gan.training.device import has_fast_bf16

log = logging.getLogger("improved_gan")
SEED = 0
STACKED = "stacked_mnist"  # the set whose images are three digits each
OFFSET, SCALE = 127.5, 64.0  # bytes to about unit variance
CHEAP = 500_000  # bytes of training images that are passed over in seconds, as the digits are
LEFT_RIGHT_ALIKE = ("cifar10", "imagenet128")  # a mirrored digit is another digit, or none


@dataclass(frozen=True)
class Recipe:
    """All that decides a classifier beside the data."""

    width: int  # channels of the first layer
    epochs: int
    shift: int  # images are moved by up to so many pixels
    mirrored: bool
    batch_size: int = 250
    learning_rate: float = 0.2  # at its peak
    weight_decay: float = 5e-4
    version: int = 1  # of the network below


def recipe_for(dataset: PreparedDataset) -> Recipe:
    """Colour wants a wider network and more passes than gray digits do; small sets are passed over more often."""
    channels, height, width = dataset.image_shape
    seen = 500_000 if channels == 3 else 200_000
    return Recipe(
        width=32 if channels == 3 else 24 if min(height, width) > 16 else 16,
        epochs=min(max(round(seen / len(dataset.train.images)), 1), 20),
        shift=min(height, width) // 10,
        mirrored=dataset.name in LEFT_RIGHT_ALIKE,
    )


class Convolutions(nn.Module):
    """3x3 convolutions twice as wide at half the resolution, down to about 4x4 pixels, then their mean."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int, width: int) -> None:
        super().__init__()
        channels, *sides = image_shape
        halvings = max(math.floor(math.log2(min(sides) / 3)), 0)
        strided = halvings > 1  # halve at once where there are pixels to spare: a quarter of the time
        layers: list[nn.Module] = [_block(channels, width, kernel=4 if strided else 3, stride=2 if strided else 1)]
        for _ in range(halvings - strided):
            layers += [_block(width, min(2 * width, 256)), nn.MaxPool2d(2)]
            width = min(2 * width, 256)
        self.layers = nn.Sequential(*layers, _block(width, 256 if channels == 3 else 2 * width))
        self.head = nn.Linear(256 if channels == 3 else 2 * width, classes)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch feature"], Float[Tensor, "batch classes"]]:
        """Pooled features and logits of images scaled by `OFFSET` and `SCALE`."""
        features = self.layers(images.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))
        return features, self.head(features)


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _placed(network: Convolutions, device: torch.device) -> Convolutions:
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network


class Classifier:
    """A `FeatureNetwork`: features and logits, in fp32, of images of the shape that it was trained on."""

    def __init__(self, network: Convolutions, accuracy: float, device: torch.device, batch_size: int | None) -> None:
        self.network = _placed(network, device).requires_grad_(False).eval()
        self.accuracy, self.device, self.batch_size = accuracy, device, batch_size or 250
        # Its accuracy is part of the name, and so stands beside every score.
        self.name = f"classifier-{_checksum(network)[:8]} ({accuracy:.2%} right)"

    @torch.inference_mode()
    def __call__(
        self, images: UInt8[Tensor, "n channel height width"]
    ) -> tuple[Float[Tensor, "n feature"], Float[Tensor, "n classes"]]:
        with torch.backends.cudnn.flags(allow_tf32=False):
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
    """Raise `MissingEvidence` where there are no classes or, with `only_cheap`, training would take minutes."""
    if dataset.train.labels is None or dataset.classes is None or dataset.classes < 2:
        raise MissingEvidence(f"{dataset.name} has no classes to train a classifier on")
    dataset = taught_on(dataset)
    cheap = dataset.train.images.size <= CHEAP or _path(dataset, folder).exists()
    if only_cheap and not cheap:
        raise MissingEvidence(
            f"the classifier of {dataset.name} is not trained yet: job=evaluate does, or metrics.train_classifier=true"
        )


def _path(dataset: PreparedDataset, folder: Path) -> Path:
    words = f"{dataset.checksum} {dataset.classes} {recipe_for(dataset)}"
    return folder / f"classifier-{hashlib.sha256(words.encode()).hexdigest()[:16]}.pt"


def _fresh_network(dataset: PreparedDataset, recipe: Recipe) -> Convolutions:
    """The same weights every time, and the process's random state as it was."""
    assert dataset.classes is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Convolutions(dataset.image_shape, dataset.classes, recipe.width)


def classifier_of(
    dataset: PreparedDataset, folder: Path, device: torch.device, batch_size: int | None = None
) -> Classifier:
    """The classifier of `dataset`, from `folder` or else trained now; `MissingEvidence` where there are no classes."""
    check_classifier(dataset, folder)
    kind, dataset = ChannelClassifier if dataset.name == STACKED else Classifier, taught_on(dataset)
    recipe, path = recipe_for(dataset), _path(dataset, folder)
    network = _fresh_network(dataset, recipe)
    accuracy = _read(path, network)
    if accuracy is None:
        folder.mkdir(parents=True, exist_ok=True)
        with open(path.with_suffix(".lock"), "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("waiting for another process that trains %s", path)
                fcntl.flock(lock, fcntl.LOCK_EX)
            accuracy = _read(path, network)
            if accuracy is None:
                network, accuracy = train_classifier(dataset, recipe, device)
                with written_whole(path) as file:
                    torch.save({"network": network.cpu().state_dict(), "accuracy": accuracy}, file)
                log.warning(
                    "trained the classifier of %s: %.2f%% right on held-out images", dataset.name, 100 * accuracy
                )
    return kind(network, accuracy, device, batch_size)


def _read(path: Path, network: Convolutions) -> float | None:
    """Load stored weights into `network`; returns the stored accuracy, or None if there is no whole file."""
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(stored["network"])
        return float(stored["accuracy"])
    except FileNotFoundError:
        return None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError):
        log.warning("%s is damaged and is trained anew", path)
        return None


def train_classifier(dataset: PreparedDataset, recipe: Recipe, device: torch.device) -> tuple[Convolutions, float]:
    """Train on the training split; returns the network and the share of held-out images (the test split) it gets right.

    Leaves the process's random state as it was: training that goes on afterwards is not changed by it.
    """
    train, test = _splits(dataset)
    images = Images(train.images, train.labels, offset=OFFSET, scale=SCALE, device=device)
    network = _placed(_fresh_network(dataset, recipe), device).train()
    source = torch.Generator().manual_seed(SEED)
    batches = [
        batch
        for _ in range(recipe.epochs)
        for batch in torch.randperm(len(images), generator=source).split(recipe.batch_size)
        if len(batch) > 1  # whatever a batch norm can work with
    ]
    optimizer = torch.optim.SGD(
        network.parameters(), lr=1.0, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=len(batches), pct_start=0.25, anneal_strategy="linear"
    )
    description = f"training the classifier of {dataset.name}"
    with tqdm(total=len(batches), desc=description, unit="step", delay=1) as bar:
        for indices in batches:
            labels = images.take_labels(indices)
            assert labels is not None
            moved = augmented(images.take(indices), recipe.shift, recipe.mirrored, source)
            with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device)):
                loss = F.cross_entropy(network(moved)[1], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update()
    return network, _accuracy(network.eval(), test, device)


def _splits(dataset: PreparedDataset) -> tuple[PreparedSplit, PreparedSplit]:
    """What to train and to test on: the data set's own splits, else every tenth training image is for testing."""
    train = dataset.train
    if dataset.test is not None and dataset.test.labels is not None:
        return train, dataset.test
    assert train.labels is not None
    tenth = np.arange(len(train.images)) % 10 == 0
    return (
        PreparedSplit(train.images[~tenth], train.labels[~tenth]),
        PreparedSplit(train.images[tenth], train.labels[tenth]),
    )


def augmented(
    images: Float[Tensor, "batch channel height width"], shift: int, mirrored: bool, source: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Each image moved by up to `shift` pixels either way, its edge repeated, and half of them mirrored."""
    count, channels, height, width = images.shape
    moves = torch.randint(-shift, shift + 1, (2, count, 1), generator=source)
    rows = (torch.arange(height) + moves[0]).clamp(0, height - 1)
    columns = (torch.arange(width) + moves[1]).clamp(0, width - 1)
    if mirrored:
        turned = torch.rand(count, 1, generator=source) < 0.5
        columns = torch.where(turned, columns.flip(1), columns)
    rows, columns = rows.to(images.device), columns.to(images.device)
    each = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[:, None, None]
    return images[each, channel, rows[:, None, :, None], columns[:, None, None, :]]


@torch.inference_mode()
def _accuracy(network: Convolutions, split: PreparedSplit, device: torch.device) -> float:
    images = Images(split.images, split.labels, offset=OFFSET, scale=SCALE, device=device)
    right = 0
    for indices in torch.arange(len(images)).split(500):
        labels: Int[Tensor, " n"] | None = images.take_labels(indices)
        right += int((network(images.take(indices))[1].argmax(dim=1) == labels).sum())
    return right / len(images)


def _checksum(network: Convolutions) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
