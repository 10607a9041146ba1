"""Every objective with every technique: two steps of a tiny pair that stay finite, or a sentence that refuses."""

import copy
from functools import cache
from pathlib import Path

import pytest
import torch

from improved_gan import dataset
from improved_gan.composing import compose_jobs, groups
from improved_gan.config import TechniqueConfig, UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.training.diagnostics import Diagnostics
from improved_gan.training.trainer import Trainer

TECHNIQUES = TechniqueConfig.__dataclass_fields__
SMALL = ("architecture.width=8", "architecture.generator_width=8", "architecture.latent_size=5", "training.threads=1")
SMALL += ("technique.virtual_batch_norm.reference_size=4", "technique.minibatch_discrimination.kernels=6")
SMALL += ("training.batch_size=12", "training.discriminator_steps=2", "technique.unrolling.steps=2")
NO_TARGET = {"hinge", "wasserstein", "wasserstein_gp", "energy_based", "relativistic", "r3gan"}
NO_GAME = {"autoencoder", "vae"}
REFUSED = {
    *[(objective, "label_smoothing") for objective in NO_TARGET],
    *[(o, t) for o in NO_GAME for t in TECHNIQUES if t not in ("historical_averaging", "virtual_batch_norm")],
    *[("supervised_only", t) for t in ("feature_matching", "label_smoothing", "virtual_batch_norm")],
    *[("supervised_only", t) for t in ("r1", "r2", "packing", "unrolling", "gradient_penalty", "consistency")],
    *[("supervised_only", t) for t in ("weight_clipping", "pulling_away")],
    ("semi_supervised", "packing"),
    ("semi_supervised_feature_matching", "packing"),
    ("wasserstein", "spectral_norm"),
    ("wasserstein", "unrolling"),
    ("energy_based", "unrolling"),
}


@cache
def digits() -> PreparedDataset:
    return dataset.load(compose_jobs([])[0].config.dataset, Path("nowhere"))


def trainer(*overrides: str) -> Trainer:
    return Trainer(compose_jobs(["technique=none", *SMALL, *overrides])[0].config, digits())


@pytest.mark.integration
@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("objective", groups()["objective"])
def test_every_pair_trains_or_is_refused_in_a_sentence(objective: str, technique: str) -> None:
    overrides = [f"objective={objective}", f"technique.{technique}.enabled=true"]
    if (objective, technique) in REFUSED:
        with pytest.raises(UsageError) as caught:
            trainer(*overrides)
        assert str(caught.value).startswith(f"technique.{technique}.enabled=true: ")
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
        return
    run = trainer(*overrides)
    run.initialise()
    before = [p.detach().clone() for p in run.pair.discriminator.parameters()]
    losses = run.advance() | run.advance()
    assert all(value.isfinite() for value in losses.values())
    assert run.weights_are_finite()
    moved = [not torch.equal(a, b) for a, b in zip(before, run.pair.discriminator.parameters(), strict=True)]
    assert sum(moved) >= 0.8 * len(moved)


ALONE = [
    ["technique.label_smoothing.enabled=true", "technique.label_smoothing.fake_target=0.95"],
    ["technique.minibatch_stddev.enabled=true", "technique.minibatch_discrimination.enabled=true"],
    ["objective=hinge", "technique.packing.enabled=true", "technique.packing.pack_size=5"],
    ["objective=hinge", "technique.unrolling.enabled=true", "training.precision=bf16"],
    ["objective=hinge", "technique.unrolling.enabled=true", "training.optimizer.name=rmsprop",
     "training.optimizer.beta1=0", "training.optimizer.epsilon_inside_root=false"],
    ["objective=vae", "training.balance.generator_loss_weight=2"],
]  # fmt: skip


@pytest.mark.parametrize("overrides", ALONE)
def test_values_that_contradict_each_other_are_refused_in_a_sentence(overrides: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        trainer(*overrides)
    assert "\n" not in str(caught.value) and "=" in str(caught.value)


def test_rivals_work_on_the_convolutional_pair_all_at_once() -> None:
    run = trainer(
        "architecture=digits_conv",
        "objective=non_saturating",
        *(f"technique.{name}.enabled=true" for name in ("spectral_norm", "r1", "packing", "minibatch_stddev")),
        *("technique.unrolling.enabled=true", "technique.virtual_batch_norm.enabled=true"),
    )
    run.initialise()
    losses = run.advance() | run.advance()
    assert all(value.isfinite() for value in losses.values()) and "r1_penalty" in losses


def test_packs_are_what_the_discriminator_sees() -> None:
    run = trainer("objective=hinge", "technique.packing.enabled=true", "technique.packing.pack_size=3")
    batch = run.batches.for_discriminator(0)
    assert batch.real.shape == (4, 3, 8, 8) == run.pair.generate(4).shape
    assert run.batches.for_generator(0).shape == (4, 3, 8, 8)
    plain = trainer("objective=hinge").batches.for_discriminator(0).real
    assert torch.equal(batch.real.reshape(12, 1, 8, 8), plain)
    assert run.sampler.sample(7, 0).shape == (7, 1, 8, 8)
    with torch.no_grad():
        assert run.pair.discriminate(batch, run.pair.generate(4))[0].logits.shape == (4, 1)
    assert Diagnostics(run)._distance_of_reals == Diagnostics(trainer("objective=hinge"))._distance_of_reals


def test_a_resumed_run_goes_on_with_its_singular_vectors() -> None:
    overrides = ("objective=hinge", "technique.spectral_norm.enabled=true")
    whole = trainer(*overrides)
    whole.initialise()
    whole.advance()
    state = copy.deepcopy(whole.state_dict())
    whole.advance()
    resumed = trainer(*overrides)
    resumed.load_state_dict(state)
    resumed.advance()
    for a, b in zip(whole.pair.discriminator.parameters(), resumed.pair.discriminator.parameters(), strict=True):
        assert torch.equal(a, b)
