"""Inception weights that anybody may have: random, in the right format, and scaled so that scores are far from trivial.

With default initialisation all images get the same features and the inception score is 1.000: a test that cannot fail.
Here every batch norm carries the statistics of real images, as in the trained network, and logits spread.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from improved_gan.metrics.inception import UnloadedInception


def write_random_inception(path: Path, images: Tensor, *, seed: int = 0, logit_deviation: float = 3.0) -> None:
    """Write such weights to `path`, batch norms set by a pass over `images` (uint8, a few are enough)."""
    network = UnloadedInception().to_empty(device="cpu")
    source = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=source)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.weight.uniform_(0.8, 1.2, generator=source)
            module.bias.normal_(0, 0.2, generator=source)
            module.momentum = None  # the statistics of the pass, undamped
            module.train()
        elif isinstance(module, nn.Linear):
            module.weight.normal_(0, 1, generator=source)
            module.bias.normal_(0, 1, generator=source)
    with torch.no_grad():
        network(images)
        _, logits = network.eval()(images.flip(3))
        network.fc.weight.mul_(logit_deviation / (logits - logits.mean(dim=0)).std())
    torch.save(network.state_dict(), path)


def write_folder(folder: Path, images: np.ndarray) -> Path:
    """Images (n, channel, height, width) as PNG files, in order."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0).squeeze()).save(folder / f"{number:04d}.png")
    return folder
