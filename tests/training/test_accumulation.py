"""`training.accumulate=K`: a batch in K parts gives the weights of the whole, or is refused with the reason."""

import pytest
import torch
from small_runs import small_trainer
from torch import Tensor

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError

SMALL = ("dataset=digits", "training.batch_size=16", "training.steps=5", "training.precision=fp32", "device=cpu")
SMALL += ("technique.minibatch_discrimination.kernels=6", "technique.minibatch_discrimination.dims=3")
SMALL += ("technique.virtual_batch_norm.reference_size=5", "architecture.latent_size=5", "architecture=digits_conv")


def on(*techniques: str) -> tuple[str, ...]:
    return tuple(f"technique.{name}.enabled=true" for name in techniques)


EXACT = {
    "example by example": ("architecture.input_regulariser=noise", *on("virtual_batch_norm", "label_smoothing")),
    "penalties on parameters": on("virtual_batch_norm", "historical_averaging", "weight_clipping"),
    "slopes": ("objective=wasserstein_gp", *on("virtual_batch_norm", "r1")),
    "augmented": on("virtual_batch_norm", "diffaugment", "consistency"),
    "several updates": ("training.discriminator_steps=2", "training.generator_steps=3", *on("virtual_batch_norm")),
    "simultaneous": (
        "training.updates=simultaneous",
        "architecture.input_regulariser=noise",
        *on("virtual_batch_norm"),
    ),
    "packs": ("objective=non_saturating", *on("packing", "virtual_batch_norm")),
    "in groups": ("training.coupling_size=4", *on("minibatch_discrimination", "feature_matching")),
    "autoencoder in groups": ("training.coupling_size=4", "objective=autoencoder"),
}


def weights(*overrides: str) -> dict[str, Tensor]:
    torch.set_default_dtype(torch.float64)
    try:
        trainer = small_trainer(*SMALL, *overrides)
        for _ in range(trainer.total_steps):
            losses = trainer.advance()
    finally:
        torch.set_default_dtype(torch.float32)
    networks = {"generator": trainer.pair.generator, "discriminator": trainer.pair.discriminator}
    found = {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}
    return found | {name: losses[name] for name in losses if name.endswith("_loss")}


@pytest.mark.parametrize("case", EXACT)
def test_parts_of_a_batch_give_the_weights_and_losses_of_the_whole(case: str) -> None:
    expected = weights(*EXACT[case])
    found = weights(*EXACT[case], "training.accumulate=4")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9, msg=name)


REFUSED = {
    "technique.minibatch_discrimination": on("minibatch_discrimination", "virtual_batch_norm"),
    "technique.feature_matching": on("feature_matching", "virtual_batch_norm"),
    "technique.pulling_away": ("objective=non_saturating", *on("pulling_away", "virtual_batch_norm")),
    "the generator's batch norm": (),
    "objective=energy_based": (
        "objective=energy_based",
        *on("virtual_batch_norm"),
        "technique.pulling_away.enabled=false",
    ),
    "technique.unrolling": ("objective=non_saturating", *on("unrolling", "virtual_batch_norm")),
    "technique.spectral_norm": on("spectral_norm", "virtual_batch_norm"),
    "training.balance.accuracy_threshold": ("training.balance.accuracy_threshold=0.8", *on("virtual_batch_norm")),
    "into equal parts": ("training.batch_size=15",),
    "let them couple within a part (training.coupling_size=4)": ("training.coupling_size=8",),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_would_not_be_exact_is_refused_by_name(reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        compose_jobs(["technique=none", *SMALL, *REFUSED[reason], "training.accumulate=4"])
    assert str(refused.value).startswith("training.accumulate=4: ") and reason in str(refused.value)


def test_in_how_many_parts_decides_no_result() -> None:
    words = ["technique=none", *SMALL, *on("virtual_batch_norm")]
    (whole,), (parts,) = compose_jobs(words), compose_jobs([*words, "training.accumulate=4"])
    assert whole.digest == parts.digest
