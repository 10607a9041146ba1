"""Every experiment and architecture, small: a step that is not logged reads no value and copies nothing to a GPU.

Whole steps run on the CPU. Drawing a batch, both players' passes and losses run once more on tensors that say that
they lie on a GPU and hold nothing: torch refuses an operation of theirs with a tensor of the CPU. (Backward does not
run on them where there is no GPU: it asks for the GPU's context.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from host_reads import HostReads
from torch._subclasses.fake_tensor import FakeTensorMode

from improved_gan.composing import compose_jobs, groups
from improved_gan.composing.keys import conf_folder
from improved_gan.config import Config, TechniqueConfig
from improved_gan.dataset import PreparedDataset
from improved_gan.dataset.prepared import PreparedSplit
from improved_gan.objective import Adversarial, Reconstruction, Supervised
from improved_gan.training.batches import Batch, Batches, Images
from improved_gan.training.builder import build_gan
from improved_gan.training.gan import GAN
from improved_gan.training.step import discriminator_losses
from improved_gan.training.trainer import Trainer

IMAGES, BATCH = 40, 8
TINY = (
    "architecture.width=8",
    "architecture.generator_width=8",
    "architecture.latent_size=5",
    "technique.virtual_batch_norm.reference_size=4",
    "technique.minibatch_discrimination.kernels=6",
    "technique.minibatch_discrimination.dims=3",
    f"training.batch_size={BATCH}",
    "training.epochs=null",
    "training.steps=10",
    "training.threads=1",
    "device=cpu",
)
FEW = "dataset.labels_per_class=2"
LABELLED = ("table", "figure", "svhn")  # experiments that name labels a class
EXPERIMENTS = sorted(
    str(path.relative_to(conf_folder() / "experiment").with_suffix(""))
    for path in (conf_folder() / "experiment").rglob("*.yaml")
    if "defaults:" in path.read_text()  # else it names other experiments
)
ARCHITECTURES = {
    "digits_conv": ("dataset=digits", FEW),
    "digits_mlp": ("dataset=digits", FEW),
    "mnist_mlp": ("dataset=mnist", FEW),
    "stacked_mnist_mlp": ("dataset=stacked_mnist", "objective=non_saturating"),
    "toy_mlp": ("dataset=ring", "objective=non_saturating"),
    "cifar10_conv": ("dataset=cifar10", FEW),
    "svhn_conv": ("dataset=svhn", FEW),
}
CASES = {
    **{
        name: (f"experiment={name}", *([FEW] if any(word in name for word in LABELLED) else []))
        for name in EXPERIMENTS
    },
    **{f"{name}, our methods": (*more, f"architecture={name}", "technique=our_methods")
       for name, more in ARCHITECTURES.items()},
    "Table 3, -L+HA": ("experiment=cifar10_table3", "ablation=minus_l_plus_ha", FEW),
    "Figure 3, minibatch": ("experiment=mnist_figure3", "ablation=mnist_minibatch_discrimination", FEW),
}  # fmt: skip
# These three alone take a gradient within a loss, which needs a GPU; test_without_waiting.py has their whole steps.
GRADIENTS_IN_LOSSES = ("wasserstein_gp", "r3gan", "gradient_penalty", "r1", "r2", "unrolling")
LOSSES = CASES | {
    **{f"objective={name}": (f"objective={name}", "technique=none", FEW)
       for name in groups()["objective"] if name not in GRADIENTS_IN_LOSSES},
    **{f"technique={name}": ("objective=non_saturating", "technique=none", f"technique.{name}.enabled=true")
       for name in TechniqueConfig.__dataclass_fields__ if name not in GRADIENTS_IN_LOSSES},
}  # fmt: skip
# Reads that wait for no GPU: PyTorch's own Adam counts its steps on the CPU wherever its parameters are; and a CPU's
# noise in large amounts (3 x 784 pixels are enough) is made by NumPy, seeded by torch.
READS_ON_THE_CPU = ("imagenet128", "phenomenon/stacked_mnist", "stacked_mnist_mlp, our methods")


def config_of(case: str) -> Config:
    overrides = [*TINY, *LOSSES[case]]
    return compose_jobs(overrides)[0].config


def data_for(config: Config) -> PreparedDataset:
    channels, height, width = config.architecture.image_shape
    source = np.random.RandomState(0)
    if config.dataset.holds_points:
        images = source.standard_normal((IMAGES, channels, height, width)).astype(np.float32)
    else:
        images = source.randint(0, 256, (IMAGES, channels, height, width)).astype(np.uint8)
    split = PreparedSplit(images, np.arange(IMAGES) % 10)
    return PreparedDataset("made", (channels, height, width), 10, None, split, None, "", Path("nowhere"))


def test_every_architecture_has_a_case() -> None:
    assert set(groups()["architecture"]) == {*ARCHITECTURES, "by_shape", "imagenet_dcgan"}


@pytest.mark.parametrize("case", CASES)
def test_a_whole_step_reads_no_value(case: str) -> None:
    config = config_of(case)
    trainer = Trainer(config, data_for(config))
    trainer.initialise()
    for _ in range(2):
        trainer.advance()
    with HostReads() as counted:
        trainer.advance()
    assert counted.reads.keys() <= ({"_local_scalar_dense"} if case in READS_ON_THE_CPU else set())


@contextmanager
def on_a_gpu_that_is_not_there() -> Iterator[torch.device]:
    """A device whose tensors know shapes and place alone."""
    with FakeTensorMode():
        yield torch.device("cuda")


def batches_for(config: Config, pair: GAN, device: torch.device) -> Batches:
    """The batches of a run on a GPU that has room for the images: pixels, labels and a pass's orders lie there."""
    split = data_for(config).train
    assert split.labels is not None
    images = Images.__new__(Images)  # else it would ask the GPU for its free memory
    images.offset, images.scale, images.device = 0.0, 255.0, device
    images.pixels, images.labels = torch.from_numpy(split.images).to(device), torch.from_numpy(split.labels).to(device)
    labelled = torch.arange(20) if getattr(pair.objective, "labelled_loss", None) else None
    labelled = None if config.objective.fully_labelled else labelled
    return Batches(images, torch.arange(IMAGES), labelled, size=BATCH, seed=0, pack=pair.pack)


def losses_of(pair: GAN, batches: Batches, batch: Batch) -> list[torch.Tensor]:
    """What each player would go down, historical averaging's terms included."""
    objective, players = pair.objective, (pair.discriminator_player, pair.generator_player)
    penalties = [penalty for player in players if isinstance(penalty := player.penalty(), torch.Tensor)]
    match objective:
        case Adversarial():
            real = batches.for_generator(1) if pair.generator_sees_reals else None
            generated = pair.generate(BATCH // pair.pack)
            return [*discriminator_losses(pair, batch).values(), pair.generator_loss(pair, real, generated), *penalties]
        case Supervised():
            (shown,) = pair.discriminator(batch.labelled)
            assert batch.labels is not None
            return [objective.labelled_loss(shown.logits, batch.labels), *penalties]
        case Reconstruction():
            codes = pair.logits(batch.real)
            decoded = pair.generator(objective.latents(codes, True))
            return [*objective.losses(batch.real, decoded, codes).values(), *penalties]


@pytest.mark.parametrize("case", LOSSES)
def test_batches_passes_and_losses_copy_nothing_to_the_device(case: str) -> None:
    config = config_of(case)
    with on_a_gpu_that_is_not_there() as device:
        pair = build_gan(config, 10, device)
        batches = batches_for(config, pair, device)
        batches.for_discriminator(0), batches.for_generator(0)  # a pass's order goes to the device when it begins
        with HostReads() as counted:
            batch = batches.for_discriminator(1)
            losses = losses_of(pair, batches, batch)
        assert all(loss.device.type == "cuda" for loss in losses)
        assert not counted.reads and not counted.moves


def test_a_tensor_of_the_cpu_is_noticed_where_the_others_are_on_a_gpu() -> None:
    with on_a_gpu_that_is_not_there() as device:
        there, here = torch.zeros(3, device=device), torch.arange(3)
        with HostReads() as counted:
            there[here]
            here.to(device)
        assert counted.moves == {"index": 1, "_to_copy": 1}
        with pytest.raises(RuntimeError, match="same device"):
            there + here
