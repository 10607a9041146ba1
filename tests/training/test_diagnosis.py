"""The diagnosis of a run: right on made-up logs where it is plain, and on real runs of seeds that fixed nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from improved_gan.report.runs import read_run
from improved_gan.training.diagnosis import diagnose, swings

Lines = list[dict[str, Any]]


def logged(count: int = 40, **values: Any) -> Lines:
    usual: dict[str, Any] = {
        "generator_loss": 1.0,
        "discriminator_loss": 1.2,
        "generator_gradient_norm": 0.5,
        "discriminator_gradient_norm": 2.0,
        "discriminator_batch_accuracy": 0.7,
        "batch_diversity": 0.8,
    }
    usual |= values
    return [{"step": k, **{n: v(k) if callable(v) else v for n, v in usual.items()}} for k in range(count)]


def label(lines: Lines, broke: str | None = None) -> str:
    found = diagnose(lines, broke)
    assert found is not None
    json.dumps(found, allow_nan=False)
    return str(found["label"])


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        ("healthy", logged()),
        ("healthy", logged(batch_diversity=lambda k: k / 40)),  # a trend is no oscillation
        ("healthy", logged(generator_gradient_norm=1e-4)),  # small, but the discriminator is not sure of itself
        ("healthy", logged(discriminator_batch_accuracy=1.0)),  # sure of itself, but the generator learns
        ("healthy", logged(batch_diversity=lambda k: 0.1 if k == 35 else 0.8)),  # one odd line
        ("diverged", logged(discriminator_loss=lambda k: -(1.5**k))),
        ("diverged", logged(discriminator_gradient_norm=lambda k: 10.0**k)),
        ("vanishing_gradient", logged(discriminator_batch_accuracy=1.0, generator_gradient_norm=1e-4)),
        (
            "vanishing_gradient",
            logged(discriminator_batch_accuracy=0.99, generator_gradient_norm=lambda k: 100 * 0.7**k),
        ),
        (
            "healthy",
            logged(discriminator_batch_accuracy=1.0, generator_gradient_norm=lambda k: 300.0 if k < 20 else 2.0),
        ),
        ("oscillated", logged(batch_diversity=lambda k: 0.9 if k // 4 % 2 else 0.1)),
        ("collapsed", logged(batch_diversity=lambda k: 0.8 if k < 28 else 0.1)),
        ("collapsed", logged(modes_captured=2.0, mode_counts=[5, 5, 0, 0, 0, 0, 0, 0])),
        ("healthy", logged(modes_captured=5.0, mode_counts=[2] * 5 + [0] * 3)),
        (
            "not_learned",
            logged(high_quality_fraction=0.0, modes_captured=0.0, mode_counts=[1] * 8),
        ),  # a cloud
        ("not_learned", logged(high_quality_fraction=lambda k: 0.5 if k < 10 else 0.003)),  # lost again
        ("healthy", logged(high_quality_fraction=0.02, mode_counts=[2] * 8)),
        ("healthy", logged(high_quality_fraction=lambda k: 0.0 if k == 35 else 0.8)),  # one odd line
        ("collapsed", logged(high_quality_fraction=0.0, mode_counts=[16, *[0] * 7])),  # says more
        ("healthy", logged(mode_counts=[2] * 200 + [3] * 200 + [0] * 600)),  # 1000 even samples would find 632
        ("collapsed", logged(mode_counts=[5] * 300 + [0] * 700)),  # 1500 would find 777
    ],
)
def test_the_diagnosis_of_a_plain_case(expected: str, lines: Lines) -> None:
    assert label(lines) == expected


def test_a_number_that_broke_is_divergence_and_a_short_run_has_no_diagnosis() -> None:
    assert label([], "generator_loss became nan by step 7; there is no checkpoint") == "diverged"
    assert diagnose(logged(9)) is None
    assert label([{"step": k, "discriminator_loss": 1.0} for k in range(10)]) == "healthy"  # supervised_only


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([], 0),
        ([0.5] * 4, 0),
        ([0, 0.1, 0.2, 0.5, 1], 1),
        ([0, 1, 0, 1, 0], 4),
        ([1, 0.5, 0.6, 0.1, 0.9, 0.8, 0.85, 0.2], 3),
        ([0, 0.2, 0, 0.2, 0], 0),
    ],
)
def test_a_swing_goes_from_one_extreme_to_the_next(values: list[float], count: int) -> None:
    assert swings(values, 0.3) == count


# What each takes was found on seeds 1, 12, 13 and 101 to 103; of seed 11 it was seen that another setting, now gone,
# ended in a collapse where an oscillation was expected.
SMALL = ("technique=none", "metrics=none", "objective=non_saturating", "training.batch_size=32", "training.epochs=null")
SMALL += ("architecture.width=64", "architecture.generator_width=64", "training.threads=1", "tracking.mode=disabled")
SMALL += ("training.sample_interval=10000", "training.checkpoint_interval=10000", "device=cpu")
RUNS = {
    "healthy": ("training.learning_rate=0.001", "training.steps=500", "training.log_interval=5"),
    "collapsed": (
        "training.discriminator_learning_rate=0.00003",
        "training.generator_learning_rate=0.003",
        "training.steps=250",
        "training.log_interval=5",
    ),
    "diverged": (
        "objective=wasserstein_gp",
        "technique.gradient_penalty.weight=0",
        "training.learning_rate=0.01",
        "training.steps=60",
        "training.log_interval=2",
    ),
    "vanishing_gradient": (
        "objective=minimax",
        "architecture.input_regulariser=null",
        "training.discriminator_steps=10",
        "training.discriminator_learning_rate=0.002",
        "training.generator_learning_rate=0.0001",
        "training.steps=40",
        "training.log_interval=1",
    ),
    "oscillated": (
        "dataset=ring",
        "architecture=toy_mlp",
        "architecture.width=128",
        "architecture.generator_width=128",
        "architecture.latent_size=64",
        "training.generator_steps=5",
        "training.learning_rate=0.001",
        "training.discriminator_learning_rate=0.0001",
        "training.generator_ema.decay=null",
        "training.batch_size=100",
        "training.steps=800",
        "training.log_interval=10",
    ),
}


@pytest.mark.integration
@pytest.mark.parametrize("expected", RUNS)
def test_the_diagnosis_of_a_real_run(expected: str, command: Callable[..., list[str]]) -> None:
    done = subprocess.run(command(*SMALL, *RUNS[expected], "seed=11"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    found = json.loads((folder / "summary.json").read_text())["diagnosis"]
    assert found["label"] == expected, found
    assert f"{expected}: {found['message']}" in done.stdout
    assert read_run(folder, "it").diagnosis == expected


@pytest.mark.integration
def test_a_run_that_broke_diverged(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = command(*SMALL, "training.learning_rate=1e30", "training.steps=20", "training.log_interval=1")
    assert subprocess.run(line, capture_output=True, text=True).returncode == 1
    (path,) = tmp_path.rglob("summary.json")
    assert json.loads(path.read_text())["diagnosis"]["label"] == "diverged"
