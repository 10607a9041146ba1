"""What a run says that it took: operations as they can be worked out by hand, pace and memory."""

import json
from pathlib import Path

import pytest
import torch

from improved_gan.cli import run
from improved_gan.composing import compose_jobs, groups
from improved_gan.training.costs import flops_of_step, images_per_second, peak_memory
from improved_gan.training.random_state import random_state

SMALL = ("technique=none", "architecture.width=8", "architecture.generator_width=8", "training.batch_size=10")


def flops(*overrides: str) -> int:
    return flops_of_step(compose_jobs([*SMALL, *overrides, "device=cpu"])[0].config, 10)


def test_a_dense_pairs_products_are_counted_as_by_hand() -> None:
    """Of 10 images: 2 operations a weight and pass; back, as many for the input's gradient and for the weight's."""
    made, judged = 2 * 8 + 8 * 8 + 8 * 2, 2 * 8 + 8 * 8 + 8 * 1  # weights of a generator and a discriminator of points
    forth, back = 20 * made, 20 * judged
    discriminator = forth + 2 * back + 2 * (2 * back - 20 * 16)  # its images need no gradient
    generator = 2 * forth + forth - 20 * 16 + 2 * back  # the discriminator's weights need none, nor do the latents
    assert flops("dataset=ring") == discriminator + generator


def test_distances_of_minibatch_discrimination_are_added_by_formula() -> None:
    """Beside those, a kernel more costs its products alone: in and out of the layer that follows."""
    name = "technique.minibatch_discrimination"
    few, many = (
        flops("dataset=ring", f"{name}.enabled=true", f"{name}.kernels={count}", f"{name}.dims=4") for count in (3, 4)
    )
    distances = 10**2 * 4 * 3  # of one batch, one way
    products = 20 * (8 * 4 + 1)
    # Reals and generated ones forth and back, then the generator's; there the layer's own weights need no gradient.
    assert many - few == 2 * (2 * distances + 3 * products) + 2 * distances + 2 * products


@pytest.mark.parametrize("objective", groups()["objective"])
def test_every_objective_can_be_counted(objective: str) -> None:
    before = random_state(torch.device("cpu"))
    assert flops(f"objective={objective}") > 0
    after = random_state(torch.device("cpu"))
    assert str(before) == str(after)


def test_unrolling_costs_its_steps() -> None:
    words = ("dataset=ring", "technique.unrolling.enabled=true")
    base, one, two = (
        flops(*words[:1]), flops(*words, "technique.unrolling.steps=1"), flops(*words, "technique.unrolling.steps=2"),
    )  # fmt: skip
    assert base < one < two


def test_the_most_memory_and_the_median_pace_are_told() -> None:
    assert peak_memory(torch.device("cpu"))["host"] > 50 * 2**20
    assert images_per_second([{"images_per_second": rate} for rate in (3.0, 1.0, 200.0)] + [{"step": 7}]) == 3.0
    assert images_per_second([]) is None


def test_a_finished_run_and_its_report_say_what_it_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["budget=smoke", "training.steps=2", "training.log_interval=1", "metrics=none", "tracking.mode=disabled"]
    assert run([*words, f"output_root={tmp_path}"]) == 0
    (path,) = tmp_path.glob("*/*/summary.json")
    costs = json.loads(path.read_text())["costs"]
    assert costs["flops_per_step"] > 0 and costs["images_per_second"] > 0 and costs["peak_memory_bytes"]["host"] > 0
    assert run(["job=report", f"run={path.parents[1]}", f"output_root={tmp_path}"]) == 0
    page = (path.parents[1] / "report" / "report.html").read_text()
    assert f"{costs['peak_memory_bytes']['host'] / 2**20:,.0f}</td>" in page
