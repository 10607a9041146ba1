"""A network that couples a batch judges every image among as many others as it was trained with."""

import pytest
import torch
from small_runs import small_trainer

from improved_gan.evaluation.eval_discriminator import eval_discriminator
from improved_gan.metrics.inputs import EvalDiscriminator
from improved_gan.training.batches import full_batches
from improved_gan.training.trainer import Trainer

COUPLED = ("technique.minibatch_discrimination.enabled=true", "technique.minibatch_discrimination.kernels=5")


def judge(trainer: Trainer) -> EvalDiscriminator:
    found = eval_discriminator(
        trainer.pair,
        offset=trainer.config.architecture.pixel_offset,
        scale=trainer.config.architecture.pixel_scale,
        batch_size=trainer.config.training.batch_size,
        device=trainer.device,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("count, size", [(360, 100), (300, 100), (40, 100), (101, 100)])
def test_each_image_is_new_once_and_no_batch_is_short(count: int, size: int) -> None:
    found = [(range(count)[part], new) for part, new in full_batches(count, size)]
    assert [number for part, new in found for number in part[-new:]] == list(range(count))
    assert {len(part) for part, _ in found} == {min(size, count)}


def test_the_last_test_images_are_judged_among_a_hundred() -> None:
    trainer = small_trainer("objective=semi_supervised", *COUPLED)
    assert trainer.dataset.test is not None
    images, size = trainer.dataset.test.images, trainer.config.training.batch_size
    assert len(images) % size
    assert torch.equal(judge(trainer).real_score(images)[-10:], judge(trainer).real_score(images[-size:])[-10:])
    through = judge(trainer).class_logits
    logits, labels = trainer.class_logits()
    assert through is not None
    assert trainer.dataset.test.labels is not None and labels.tolist() == trainer.dataset.test.labels.tolist()
    assert torch.equal(logits[-10:], through(images[-size:])[-10:])


def test_packs_are_judged_in_full_batches_too() -> None:
    trainer = small_trainer("objective=non_saturating", "technique.packing.enabled=true", *COUPLED)
    pack, size = trainer.pair.pack, trainer.config.training.batch_size
    images = trainer.dataset.train.images[: size + 30 * pack + 1]
    found = judge(trainer).real_score(images)
    assert len(found) == len(images) // pack
    assert torch.equal(found[-10:], judge(trainer).real_score(images[-size - 1 : -1])[-10:])


def test_no_images_are_an_empty_array() -> None:
    sampler = small_trainer("objective=non_saturating").sampler
    assert sampler.sample(0, 1).shape == (0, *sampler.sample(1, 1).shape[1:])
