"""A step that is not logged waits for nothing: it reads no tensor, so a GPU never has to catch up with it."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from host_reads import HostReads
from small_runs import SMALL, small_trainer

from improved_gan.composing import compose_jobs
from improved_gan.composing.keys import conf_folder
from improved_gan.objective import Reconstruction
from improved_gan.training.batches import Batch, Batches, Images
from improved_gan.training.builder import build_gan
from improved_gan.training.gan import GAN
from improved_gan.training.step import discriminator_step, generator_step, reconstruction_step, supervised_step


def reads_of_a_step(*overrides: str) -> Counter[str]:
    """What the third step reads: by then the optimizers' states are there."""
    trainer = small_trainer("device=cpu", "training.batch_size=32", *overrides)
    for _ in range(2):
        trainer.advance()
    with HostReads() as counted:
        trainer.advance()
    return counted.reads


def enabled(name: str) -> tuple[str, ...]:
    return (f"technique.{name}.enabled=true",)


CASES = {
    **{path.stem: (f"objective={path.stem}",) for path in sorted((conf_folder() / "objective").glob("*.yaml"))},
    "our methods": ("technique=our_methods",),
    "convolutions": ("architecture=digits_conv", "technique=our_methods"),
    **{
        name: enabled(name)
        for name in (
            "feature_matching",
            "historical_averaging",
            "label_smoothing",
            "minibatch_discrimination",
            "minibatch_stddev",
            "spectral_norm",
            "virtual_batch_norm",
        )
    },
    "r1": ("objective=non_saturating", *enabled("r1")),
    "packing": ("objective=hinge", *enabled("packing")),
    "noise": ("training.balance.instance_noise_std=0.1", "training.balance.instance_noise_decay=true"),
    "several updates": ("training.discriminator_steps=2", "training.generator_steps=2"),
}
# PyTorch's own Adam counts its steps on the CPU wherever its parameters are: reading that waits for no GPU.
COUNTS_ON_THE_CPU = ("wasserstein_gp",)


@pytest.mark.parametrize("case", CASES)
def test_a_whole_step_reads_no_value(case: str) -> None:
    reads = reads_of_a_step(*CASES[case])
    if case in COUNTS_ON_THE_CPU:
        assert reads.keys() == {"_local_scalar_dense"}
    else:
        assert not reads


def test_the_adaptive_balance_reads_how_well_the_discriminator_does() -> None:
    """One wait an update: it decides whether there is an update at all."""
    assert reads_of_a_step("training.balance.accuracy_threshold=0.8") == {"_local_scalar_dense": 1}


def test_unrolling_reads_the_optimizers_step_counts() -> None:
    """They are exponents of its biases' corrections; its own steps take many times as long."""
    assert reads_of_a_step("objective=hinge", *enabled("unrolling")).keys() == {"_local_scalar_dense"}


@pytest.mark.parametrize("read", [lambda x: x.item(), lambda x: bool(x), lambda x: x.view(1)[x.view(1) > 0]])
def test_what_is_counted_is_seen(read: Any) -> None:
    x = torch.ones(())
    with HostReads() as counted:
        read(x)
    assert counted.reads


def test_batches_of_images_on_the_device_move_nothing_there() -> None:
    """On `meta` tensors in the place of a GPU's: within a pass indices are made where the images are."""
    pixels, labels = np.zeros((50, 1, 8, 8), np.uint8), np.zeros(50, np.int64)
    images = Images(pixels, labels, offset=127.5, scale=127.5, device=torch.device("cpu"))
    assert images.labels is not None
    images.device = torch.device("meta")
    images.pixels, images.labels = images.pixels.to("meta"), images.labels.to("meta")
    batches = Batches(images, torch.arange(50), torch.arange(50), size=10, seed=0)
    with HostReads() as counted:
        for number in range(5):
            assert all(part is not None and part.is_meta for part in batches.for_discriminator(number))
            assert batches.for_generator(number).is_meta
    assert not counted.reads and counted.moves == {"_to_copy": 3}  # each walk's order, once a pass


@pytest.mark.parametrize(
    ("overrides", "fetches"),
    [((), 0), (enabled("feature_matching"), 1), (enabled("unrolling"), 1), (enabled("packing"), 0)],
)
def test_the_generators_reals_are_fetched_only_where_they_are_used(
    overrides: tuple[str, ...], fetches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = small_trainer("device=cpu", "objective=hinge", "training.batch_size=32", *overrides)
    fetched, own = [], trainer.batches.for_generator
    monkeypatch.setattr(trainer.batches, "for_generator", lambda number: fetched.append(number) or own(number))
    trainer.advance()
    assert len(fetched) == fetches


def step_of(pair: GAN, batch: Batch) -> None:
    if isinstance(pair.objective, Reconstruction):
        reconstruction_step(pair, batch)
    elif pair.objective.trains_generator:
        discriminator_step(pair, batch)
        generator_step(pair, batch.real)
    else:
        supervised_step(pair, batch)


# Minibatch discrimination switches autocast off for the device at hand, which torch does not know of `meta`.
WITHOUT_META = ("our methods", "convolutions", "minibatch_discrimination")


@pytest.mark.parametrize("case", [case for case in CASES if case not in WITHOUT_META])
def test_a_whole_step_copies_nothing_to_the_device(case: str) -> None:
    """On `meta` tensors in the place of a GPU's, which cannot be read at all: the CPU is asked for nothing."""
    device = torch.device("meta")
    config = compose_jobs(["technique=none", *SMALL, "device=cpu", "training.batch_size=32", *CASES[case]])[0].config
    pair = build_gan(config, 10, device)
    channels, height, width = config.architecture.image_shape
    real = torch.empty(32 // pair.pack, channels * pair.pack, height, width, device=device)
    labels = torch.empty(len(real), dtype=torch.int64, device=device)
    labelled = (real, labels) if pair.objective.labelled_loss else (None, None)
    batch = Batch(real, labels, *labelled)
    step_of(pair, batch)
    with HostReads() as counted:
        step_of(pair, batch)
    assert not counted.moves
    assert not counted.reads or case in COUNTS_ON_THE_CPU
