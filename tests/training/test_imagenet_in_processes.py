"""The ImageNet experiment at reduced width, from files in ImageNet's layout: one process, and two that share it out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gloo_processes import in_processes
from imagenet_folder import write_images
from torch import Tensor

from improved_gan import dataset, distributed
from improved_gan.composing import compose_jobs
from improved_gan.training import streaming
from improved_gan.training.trainer import Trainer

REDUCED = ("architecture.width=4", "architecture.generator_width=4", "architecture.latent_size=8", "metrics=none")
REDUCED += ("technique.minibatch_discrimination.kernels=5", "technique.minibatch_discrimination.dims=3", "device=cpu")
REDUCED += ("technique.virtual_batch_norm.reference_size=4", "training.batch_size=4", "training.steps=3")
REDUCED += ("training.learning_rate=1e-4",)  # at which rounding does not grow


def weights(data_root: Path) -> dict[str, Tensor]:
    """The discriminator's and the generator's after three steps in float64, the images streamed."""
    torch.set_default_dtype(torch.float64)
    streaming.STREAMED_FROM = 1
    config = compose_jobs(["experiment=imagenet128", f"data_root={data_root}", *REDUCED])[0].config
    trainer = Trainer(config, dataset.load(config.dataset, data_root))
    trainer.initialise()
    for _ in range(config.training.steps or 0):
        trainer.advance()
    assert trainer.batches.images.file is not None and distributed.processes() in (1, 2)
    players = {"d": trainer.pair.discriminator, "g": trainer.pair.generator}
    return {f"{player}.{name}": p.detach() for player, net in players.items() for name, p in net.named_parameters()}


@pytest.mark.integration
def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3)).astype(np.uint8)
    write_images(pixels, [1, 2] * 5, tmp_path / "ILSVRC2012" / "train", shortest=130, longest=200)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    expected = in_processes(1, weights, tmp_path, folder=tmp_path / "one")[0]
    for found in in_processes(2, weights, tmp_path, folder=tmp_path / "two"):
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9, msg=name)
    outputs = expected[next(name for name in reversed(expected) if name.startswith("d.") and expected[name].ndim == 1)]
    assert len(outputs) == 1001  # the thousand classes', whatever part of them is there, and the generated images'
