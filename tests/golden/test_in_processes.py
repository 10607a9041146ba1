"""The short runs, in float64, in several processes: every objective, technique and architecture trains as in one."""

from pathlib import Path

import pytest
import torch
from gloo_processes import in_processes
from short_runs import SMALL, cases, images_for, numbers_of
from torch import Tensor

from improved_gan.composing import compose_jobs
from improved_gan.training.trainer import Trainer

AT_ONCE = ["technique=none", "dataset=mnist", "architecture=mnist_mlp", "architecture.width=128"]  # noise in one draw
OTHERWISE = ("training.learning_rate=1e-4",)  # at which rounding does not grow


def all_numbers() -> dict[str, dict[str, list[float]]]:
    """Of every case, by its name; the batch is one that two processes share out in packs."""
    torch.set_default_dtype(torch.float64)
    try:
        chosen = cases() | {"noise at once": AT_ONCE}
        return {name: numbers_of([*case, *OTHERWISE, "training.batch_size=8"]) for name, case in chosen.items()}
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.integration
def test_two_processes_give_every_short_run_its_numbers(tmp_path: Path) -> None:
    expected = all_numbers()
    first, second = in_processes(2, all_numbers, folder=tmp_path)
    for case, numbers in expected.items():
        for key, values in numbers.items():
            found = zip(first[case][key], second[case][key], strict=True)
            means = [(one + other) / 2 for one, other in found]  # of losses; weights are the same in both
            assert means == pytest.approx(values, rel=1e-9, abs=1e-9), f"{case}: {key}"
            if key.endswith("_norms"):
                assert first[case][key] == second[case][key], f"{case}: {key}"


STEPS = 50
PAIRS = [name for name in cases() if name.startswith("architecture=") or name == "imagenet128"]


def all_weights() -> dict[str, Tensor]:
    """Of both players of every architecture after 50 steps; the biggest networks make fewer."""
    torch.set_default_dtype(torch.float64)
    found = {}
    try:
        for case in PAIRS:
            steps = f"training.steps={10 if case == 'imagenet128' else STEPS}"
            overrides = [*SMALL, "dataset.validation_images=0", *cases()[case], *OTHERWISE, steps]
            config = compose_jobs([*overrides, "training.batch_size=8"])[0].config
            run = Trainer(config, images_for(config))
            run.initialise()
            for _ in range(run.total_steps):
                run.advance()
            for network in (run.pair.generator, run.pair.discriminator):
                kind = type(network).__name__
                found |= {f"{case}: {kind} {name}": value for name, value in network.state_dict().items()}
    finally:
        torch.set_default_dtype(torch.float32)
    return found


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_give_every_architecture_the_weights_of_one(count: int, tmp_path: Path) -> None:
    expected = all_weights()
    for found in in_processes(count, all_weights, folder=tmp_path):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert value.dtype == torch.float64 or not value.is_floating_point()
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9, msg=name)
