from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from improved_gan import distributed
from improved_gan.composing import compose_jobs
from improved_gan.dataset.prepared import PreparedDataset, PreparedSplit
from improved_gan.training import streaming
from improved_gan.training.batches import Batches, Images
from improved_gan.training.trainer import Trainer

IMAGES = 37
SETTINGS = ("dataset=cifar10", "architecture.width=4", "architecture.generator_width=4", "training.batch_size=6")
SETTINGS += ("technique=our_methods", "dataset.labels_per_class=2", "metrics=none", "device=cpu", "training.steps=100")


@pytest.fixture
def pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A memory-mapped file of images that counts as too large for memory."""
    monkeypatch.setattr(streaming, "STREAMED_FROM", 1)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (IMAGES, 3, 32, 32)).astype(np.uint8))
    mapped: np.ndarray = np.load(tmp_path / "images.npy", mmap_mode="r")
    return mapped


def prepared(images: np.ndarray) -> PreparedDataset:
    split = PreparedSplit(images, np.arange(IMAGES) % 10)
    return PreparedDataset("made", (3, 32, 32), 10, None, split, None, "", Path("nowhere"))


def trained(images: np.ndarray, steps: int, state: dict[str, Any] | None = None) -> Trainer:
    trainer = Trainer(compose_jobs([*SETTINGS])[0].config, prepared(images))
    if state is None:
        trainer.initialise()
    else:
        trainer.load_state_dict(state)
    while trainer.step < steps:
        trainer.advance()
    return trainer


def assert_equal_weights(one: Trainer, other: Trainer) -> None:
    for player in ("generator", "discriminator"):
        expected = getattr(other.pair, player).state_dict()
        for name, value in getattr(one.pair, player).state_dict().items():
            assert torch.equal(value, expected[name]), name


def test_a_streamed_set_gives_the_weights_of_one_in_memory(pixels: np.ndarray) -> None:
    streamed, in_memory = trained(pixels, 9), trained(np.array(pixels), 9)  # 54 images: more than one pass
    assert streamed.batches.images.file is not None and in_memory.batches.images.file is None
    assert_equal_weights(streamed, in_memory)


def test_a_streamed_run_is_resumed_exactly(pixels: np.ndarray) -> None:
    assert_equal_weights(trained(pixels, 9, trained(pixels, 4).state_dict()), trained(pixels, 9))


def test_batches_come_in_any_order(pixels: np.ndarray) -> None:
    of = {"labels": np.arange(IMAGES) % 10, "offset": 0.0, "scale": 1.0, "device": torch.device("cpu")}
    streamed, kept = (
        Batches(Images(images, **of), torch.arange(IMAGES), None, size=5, seed=3)
        for images in (pixels, np.array(pixels))
    )
    for number in (0, 1, 2, 7, 8, 6, 6, 20, 21, 3):
        batch, expected = streamed.for_discriminator(number), kept.for_discriminator(number)
        assert torch.equal(batch.real, expected.real) and torch.equal(batch.real_labels, expected.real_labels)
        assert torch.equal(streamed.for_generator(number), kept.for_generator(number))


def test_a_process_reads_its_own_rows_alone(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    whole = streaming.ImageFile.read
    monkeypatch.setattr(streaming.ImageFile, "read", lambda self, rows: (read.extend(rows), whole(self, rows))[1])
    images = Images(pixels, None, offset=0.0, scale=1.0, device=torch.device("cpu"))
    batches = Batches(images, torch.arange(IMAGES), None, size=6, seed=3)
    order = batches._real.batch(0, 6)
    monkeypatch.setattr(distributed, "processes", lambda: 3)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    with distributed.sharded(6):
        batches.for_discriminator(0)
    assert read[:2] == order[2:4].tolist()
    for ahead in batches._ahead.values():
        ahead._reader.shutdown(wait=True)
    assert len(read) == 2 * (1 + streaming.READY)


def test_a_file_that_has_become_shorter_is_said(pixels: np.ndarray) -> None:
    file = streaming.ImageFile(pixels)
    with open(pixels.filename, "r+b") as written:
        written.truncate(128 + 3 * 3 * 32 * 32)
    with pytest.raises(OSError, match="is shorter than it was"):
        file.read([2, 4])
