"""The network of the classifier that judges samples, and the recipe that it is trained by."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.dataset import PreparedDataset
from improved_gan.training.random_state import cpu_seeded

SEED = 0
OFFSET, SCALE = 127.5, 64.0  # bytes to about unit variance
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


def fresh_network(dataset: PreparedDataset, recipe: Recipe) -> Convolutions:
    """The same weights every time, and the process's random state as it was."""
    assert dataset.classes is not None
    with cpu_seeded(SEED):
        return Convolutions(dataset.image_shape, dataset.classes, recipe.width)


def placed(network: Convolutions, device: torch.device) -> Convolutions:
    """The network, moved to `device`, its weights laid out as `forward` lays out images."""
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
