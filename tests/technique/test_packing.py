"""Packing."""

import torch

from improved_gan.technique.packing import pack


def test_packs_hold_images_side_by_side() -> None:
    images = torch.arange(7 * 2 * 1 * 1.0).view(7, 2, 1, 1)
    assert pack(images, 3).flatten(1).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert torch.equal(pack(images, 1), images)
