"""Two processes end with the weights of one that has the whole batch to itself.

At a learning rate at which a run is not chaotic: at the default one, a single process whose weights are changed by
1e-15 is off by 5% after 50 steps with minibatch discrimination.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from gloo_processes import in_processes
from small_runs import small_trainer
from torch import Tensor

STEPS, TOLERANCE = 50, 1e-9
SMALL = ("dataset=digits", "training.batch_size=16", f"training.steps={STEPS}", "training.precision=fp32", "device=cpu")
SMALL += ("training.learning_rate=1e-4",)
SMALL += ("technique.minibatch_discrimination.kernels=6", "technique.minibatch_discrimination.dims=3")
SMALL += ("technique.virtual_batch_norm.reference_size=5", "architecture.latent_size=5")
FOUR = ("feature_matching", "minibatch_discrimination", "historical_averaging", "label_smoothing")


def on(*techniques: str) -> tuple[str, ...]:
    return tuple(f"technique.{name}.enabled=true" for name in techniques)


def weights(overrides: tuple[str, ...]) -> dict[str, Tensor]:
    """Of both players after the run, in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        trainer = small_trainer(*SMALL, *overrides)
        for _ in range(trainer.total_steps):
            trainer.advance()
    finally:
        torch.set_default_dtype(torch.float32)
    networks = {"generator": trainer.pair.generator, "discriminator": trainer.pair.discriminator}
    return {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}


CASES = {
    "digits_mlp, our methods": ("architecture=digits_mlp", *on(*FOUR[1:], "virtual_batch_norm")),
    "digits_mlp, batch norm": ("architecture=digits_mlp", *on("minibatch_discrimination", "historical_averaging")),
    "digits_conv, our methods": ("architecture=digits_conv", *on(*FOUR[1:], "virtual_batch_norm")),
    "digits_conv, feature matching": (
        "architecture=digits_conv",
        *on("feature_matching"),
        "architecture.input_regulariser=noise",
    ),
    "wasserstein_gp": ("objective=wasserstein_gp", "architecture=digits_conv"),
    "r1": ("objective=non_saturating", *on("r1", "minibatch_discrimination")),
    "r3gan": ("objective=r3gan", *on("minibatch_stddev")),
    "unrolling": ("objective=non_saturating", "technique.unrolling.steps=2", *on("unrolling", "packing")),
    "energy_based": ("objective=energy_based",),
    "wasserstein": ("objective=wasserstein", *on("spectral_norm"), "technique.weight_clipping.enabled=false"),
    "autoencoder": ("objective=autoencoder",),
    "vae": ("objective=vae", "training.balance.instance_noise_std=0.1"),
    "augmented": (
        "architecture=digits_conv",
        *on("diffaugment", "consistency"),
        "architecture.input_regulariser=noise",
    ),
    "simultaneous": (
        "training.updates=simultaneous",
        "architecture=digits_conv",
        "architecture.input_regulariser=noise",
        *on("minibatch_discrimination"),
    ),
    "groups of 4": (
        "training.coupling_size=4",
        "architecture=digits_conv",
        "architecture.input_regulariser=noise",
        *on("minibatch_discrimination", "feature_matching"),
    ),
    "groups of 8": ("training.coupling_size=8", "objective=energy_based", *on("minibatch_stddev")),
    "groups of 8 packs": (
        "training.coupling_size=8",
        "objective=non_saturating",
        *on("packing", "minibatch_discrimination"),
    ),
    "autoencoders in groups": ("training.coupling_size=4", "objective=autoencoder"),
    "balanced": ("objective=hinge", "training.balance.accuracy_threshold=0.6"),
}
QUICK = ("digits_mlp, our methods", "digits_conv, feature matching", "wasserstein_gp", "r1", "groups of 4")


def all_weights(cases: tuple[str, ...]) -> dict[str, Tensor]:
    return {f"{case}: {name}": value for case in cases for name, value in weights(CASES[case]).items()}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("count", "cases"),
    [(2, QUICK), *(pytest.param(count, tuple(CASES), marks=pytest.mark.slow) for count in (2, 4))],
    ids=["two, few", "two", "four"],
)
def test_several_processes_give_the_weights_of_one(count: int, cases: tuple[str, ...], tmp_path: Path) -> None:
    expected: dict[str, Any] = all_weights(cases)
    for found in in_processes(count, all_weights, cases, folder=tmp_path):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            if value.is_floating_point():
                assert value.dtype == torch.float64
            torch.testing.assert_close(found[name], value, rtol=TOLERANCE, atol=TOLERANCE, msg=name)


SINGLE = ("dataset=digits", "training.batch_size=16", "training.precision=fp32", "device=cpu", "training.steps=1")
SINGLE += ("architecture=digits_conv", *on(*FOUR[1:], "virtual_batch_norm"))
SINGLE += ("training.learning_rate=1e-9",)  # so that both players' gradients are those of the first weights


def gradients() -> dict[str, Tensor]:
    """Of both players in the first step, in float32."""
    trainer = small_trainer(*SINGLE)
    trainer.advance()
    networks = (trainer.pair.generator, trainer.pair.discriminator)
    parameters = [p for network in networks for p in network.parameters()]
    assert all(p.dtype == torch.float32 for p in parameters)
    return {str(number): p.grad for number, p in enumerate(parameters) if p.grad is not None}


@pytest.mark.integration
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_in_single_precision_the_gradients_of_a_step_agree(count: int, tmp_path: Path) -> None:
    expected: dict[str, Any] = gradients()
    assert len(expected) > 10
    for found in in_processes(count, gradients, folder=tmp_path):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert torch.linalg.vector_norm(found[name] - value) <= 1e-5 * torch.linalg.vector_norm(value), name
