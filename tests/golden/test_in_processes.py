"""The short runs, in float64, in two processes: every objective, technique and architecture trains as in one."""

from pathlib import Path

import pytest
import torch
from gloo_processes import in_processes
from short_runs import cases, numbers_of

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
