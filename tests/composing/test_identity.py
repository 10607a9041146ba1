"""Names and hashes of runs: what decides the result is in them, and nothing else."""

import pytest

from improved_gan.composing import compose_jobs


def digest(*overrides: str) -> str:
    return compose_jobs(list(overrides))[0].digest


@pytest.mark.parametrize(
    "same",
    [
        ["output_root=elsewhere"],
        ["data_root=elsewhere"],
        ["device=cpu"],
        ["tracking.mode=disabled", "tracking.project=x"],
        ["training.log_interval=7", "training.checkpoint_interval=9"],
        ["seed=1"],
    ],
)
def test_what_decides_no_result_is_not_in_the_hash(same: list[str]) -> None:
    assert digest(*same) == digest()


@pytest.mark.parametrize("other", ["seed=2", "training.learning_rate=0.001", "dataset.label_seed=9", "technique=none"])
def test_what_decides_the_result_is_in_the_hash(other: str) -> None:
    assert digest(other) != digest()


def test_budget_caps_before_the_hash() -> None:
    (smoke,) = compose_jobs(["budget=smoke"])
    assert smoke.scaled
    assert smoke.config.training.steps is not None and smoke.config.training.steps <= 10
    again = digest(
        f"training.steps={smoke.config.training.steps}",
        f"metrics.samples={smoke.config.metrics.samples}",
        f"metrics.reference_samples={smoke.config.metrics.reference_samples}",
        f"architecture.width={smoke.config.architecture.width}",
        f"architecture.generator_width={smoke.config.architecture.generator_width}",
    )
    assert again == smoke.digest
    assert not compose_jobs(["budget=paper"])[0].scaled


def test_names_are_short_readable_and_safe() -> None:
    overrides = ["technique.virtual_batch_norm.enabled=false", "seed=7", "training.learning_rate=0.01", "device=cpu"]
    (request,) = compose_jobs(overrides)
    assert request.name == "virtual_batch_norm_off-seed_7-learning_rate_0.01"
    (odd,) = compose_jobs(["dataset.class_names=[a/b,'c d',e,f,g,h,i,j,k," + "x" * 300 + "]"])
    assert "/" not in odd.name and len(odd.name) <= 100


@pytest.mark.parametrize(("value", "word"), [("true", "on"), ("yes", "on"), ("on", "on"), ("no", "off"), ("0", "off")])
def test_a_name_says_what_a_switch_is_set_to(value: str, word: str) -> None:
    (request,) = compose_jobs([f"technique.feature_matching.enabled={value}"])
    assert request.name == f"feature_matching_{word}"
    assert request.config.technique.feature_matching.enabled == (word == "on")
