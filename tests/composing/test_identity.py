"""Names and hashes of runs: what decides the result is in them, and nothing else."""

import shutil
from dataclasses import asdict, dataclass, field, make_dataclass
from pathlib import Path

import pytest

from improved_gan import registry
from improved_gan.composing import compose_jobs, digest_of, migrated
from improved_gan.composing.migration import migrated_summary
from improved_gan.config import Config, TechniqueConfig, TrainingConfig, number
from improved_gan.run_folder import read_config, runs_by_digest


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


@pytest.mark.parametrize(
    "same",
    [
        ["training.threads=3"],
        ["architecture.cpu_steps_per_hour=7"],
        ["technique.packing.pack_size=9"],
        ["technique.r1.weight=3"],
    ],
)
def test_threads_estimates_and_what_is_off_are_not_in_the_hash(same: list[str]) -> None:
    assert digest(*same) == digest()


def test_a_technique_and_keys_added_tomorrow_find_yesterdays_run() -> None:
    r1 = registry.techniques()["r1"].config
    tomorrows = make_dataclass("Tomorrow", [("mixup", r1, field(default_factory=r1))], bases=(TechniqueConfig,))

    @dataclass
    class TomorrowsTraining(TrainingConfig):
        warm_up: int = number(minimum=0, neutral=0)

    tomorrow = make_dataclass(
        "TomorrowsConfig", [("technique", tomorrows), ("training", TomorrowsTraining)], bases=(Config,), kw_only=True
    )
    values = asdict(compose_jobs([])[0].config)
    values["technique"]["mixup"] = {"enabled": False, "weight": 2.0}
    values["training"]["warm_up"] = 0
    assert digest_of(values, tomorrow) == digest()
    values["training"]["warm_up"] = 5
    assert digest_of(values, tomorrow) != digest()
    values["training"]["warm_up"] = 0
    values["technique"]["mixup"]["enabled"] = True
    assert digest_of(values, tomorrow) != digest()


def test_a_critic_of_version_2_is_the_same_run_today() -> None:
    stored = asdict(compose_jobs(["objective=wasserstein"])[0].config)
    stored["objective"]["clip"] = stored["technique"].pop("weight_clipping")["limit"]
    stored |= {"schema_version": 2}
    assert digest_of(migrated(stored)) == digest("objective=wasserstein")
    assert digest_of(migrated(stored)) != digest("objective=wasserstein", "technique.weight_clipping.limit=0.1")


@pytest.mark.parametrize("subset", [1, 2, 3])
def test_stored_runs_of_version_1_are_found_and_read(subset: int, tmp_path: Path) -> None:
    stored = Path(__file__).parents[2] / f"docs/results/data/table1/labels_100/subset_{subset}/seed_{subset}"
    folder = tmp_path / "table1" / "labels_100-0abcdef1"
    shutil.copytree(stored, folder)
    assert read_config(folder).seed == subset
    asked = ["experiment=mnist_table1", "dataset.labels_per_class=10", f"seed={subset}"]
    assert runs_by_digest(folder.parent).get(digest(*asked)) == folder


def test_stored_names_of_metrics_and_of_the_papers_results_are_todays() -> None:
    stored = asdict(compose_jobs(["experiment=mnist_table1", "metrics=modes"])[0].config)
    stored["metrics"]["names"] = ["modes", "mode_kl"]
    results = stored["paper"].pop("results")
    stored["paper"]["figures"] = [
        {"of" if k == "scale" else "metric" if k == "metric" else k: v for k, v in each.items()} for each in results
    ]
    found = migrated(stored | {"schema_version": 2})
    assert found["metrics"]["names"] == ["modes_captured", "mode_kl"] and found["paper"]["results"] == results


def test_a_stored_verdict_is_read_as_a_diagnosis() -> None:
    verdict = {"word": "starved", "sentence": "the generator's gradient is 1e-4", "evidence": {"swings": 0}}
    found = migrated_summary({"status": "finished", "verdict": verdict, "metrics": {"modes": {"value": 8.0}}})
    assert found["diagnosis"] == {
        "label": "vanishing_gradient",
        "message": "the generator's gradient is 1e-4",
        "statistics": {"swings": 0},
    }
    assert "verdict" not in found and found["metrics"] == {"modes_captured": {"value": 8.0}}
