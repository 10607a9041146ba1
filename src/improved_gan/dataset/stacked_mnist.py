"""Stacked MNIST (arXiv 1705.07761): three random digits as red, green and blue of one image, 1000 classes."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Int64, UInt8

from improved_gan.dataset.prepared import SourceSplit
from improved_gan.nodes import SyntheticConfig

BLOCK = 1024  # images
PLACES = np.array([100, 10, 1])  # the class of digits 1, 2, 3 is 123


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
