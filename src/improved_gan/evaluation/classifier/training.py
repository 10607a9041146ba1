"""How the classifier that judges samples is trained: one-cycle SGD on mirrored and shifted copies."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from improved_gan.dataset import PreparedDataset, PreparedSplit
from improved_gan.devices import has_fast_bf16
from improved_gan.evaluation.classifier.network import OFFSET, SCALE, SEED, Convolutions, Recipe, fresh_network, placed
from improved_gan.training.batches import Images


def train_classifier(dataset: PreparedDataset, recipe: Recipe, device: torch.device) -> tuple[Convolutions, float]:
    """Train on the training split; returns the network and the share of held-out images (the test split) it gets right.

    Leaves the process's random state as it was: training that goes on afterwards is not changed by it.
    """
    train, test = splits(dataset)
    images = Images(train.images, train.labels, offset=OFFSET, scale=SCALE, device=device)
    network = placed(fresh_network(dataset, recipe), device).train()
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


def splits(dataset: PreparedDataset) -> tuple[PreparedSplit, PreparedSplit]:
    """What to train and to test on: the set's own splits, else a seeded tenth of each class is held out."""
    train = dataset.train
    if dataset.test is not None and dataset.test.labels is not None:
        return train, dataset.test
    assert train.labels is not None
    tenth, source = np.zeros(len(train.labels), bool), np.random.default_rng(SEED)
    for label in np.unique(train.labels):
        members = source.permutation(np.flatnonzero(train.labels == label))
        tenth[members[: max(1, round(len(members) / 10)) if len(members) > 1 else 0]] = True
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
