"""Stacked MNIST (arXiv 1705.07761): three random digits as red, green and blue of one image, 1000 classes."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from improved_gan.dataset.prepared import SourceSplit
from improved_gan.dataset.source import Dataset, Shape, Source
from improved_gan.dataset.source.torchvision import published
from improved_gan.nodes import DatasetConfig, SyntheticConfig

BLOCK = 1024  # images
PLACES = np.array([100, 10, 1])  # the class of digits 1, 2, 3 is 123


def find(config: DatasetConfig, data_root: Path, shape: Shape | None) -> Source:
    """MNIST's files; what is drawn of them is drawn when they are read."""
    drawn = config.synthetic
    assert drawn is not None
    mnist = published("mnist", data_root, (1, 28, 28))
    return dataclasses.replace(
        mnist,
        name=config.name,
        request=f"dataset={config.name}",
        image_shape=shape,
        read=lambda scratch: stack_digits(mnist.splits(scratch), drawn),
        recipe=repr((drawn, config.points)),
    )


def stack_digits(digits: Mapping[str, SourceSplit], config: SyntheticConfig) -> dict[str, SourceSplit]:
    """Training images of training digits and test images of test digits, as many as `config` says."""
    source = np.random.RandomState(config.seed)
    splits = {}
    for split, count in (("train", config.train), ("test", config.test)):
        content = digits.get(split)
        if content is None or content.labels is None:
            raise ValueError(f"MNIST has no {split} digits with labels, which are needed to stack them")
        chosen = source.randint(content.count, size=(count, 3))
        _, height, width = content.image_shape
        blocks = _stacked(np.concatenate(list(content.blocks))[:, 0], chosen)
        splits[split] = SourceSplit(count, (3, height, width), blocks, content.labels[chosen] @ PLACES)
    return splits


def _stacked(
    digits: UInt8[np.ndarray, "digit height width"], chosen: Int64[np.ndarray, "image 3"]
) -> Iterator[UInt8[np.ndarray, "block 3 height width"]]:
    for start in range(0, len(chosen), BLOCK):
        yield digits[chosen[start : start + BLOCK]]


DATASET = Dataset(find=find, synthetic=True)
