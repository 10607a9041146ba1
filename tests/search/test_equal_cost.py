"""Runs of a search that cost the same, and are worth what they were over their last quarter."""

import json
from pathlib import Path

import pytest

from improved_gan.cli import run
from improved_gan.composing import compose_jobs
from improved_gan.config import SearchConfig, UsageError
from improved_gan.run_folder import read_config
from improved_gan.search.cost import length_of
from improved_gan.search.trial_value import NotMeasured, average_of, averages

STUDY = "study/at_its_best"
COSTS = {"ablation=none": 2.0, "ablation=none training.generator_steps=5": 4.0, "ablation=with_r1": 3.0}


def wanted(seconds: float | None = 1.0) -> SearchConfig:
    (request,) = compose_jobs(["job=search", "search.space={training.generator_steps: [1, 5]}"])
    assert request.config.search is not None
    request.config.search.seconds, request.config.search.step_milliseconds = seconds, COSTS
    return request.config.search


def test_a_settings_steps_are_what_its_cost_allows() -> None:
    assert length_of(wanted(), ["ablation=none", "seed=1"]) == ["training.steps=500", "metrics.step_interval=15"]
    assert length_of(wanted(), ["ablation=none", "training.generator_steps=5"])[0] == "training.steps=250"
    assert length_of(wanted(None), ["ablation=none"]) == []


def test_a_setting_whose_cost_is_not_known_is_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"step_milliseconds: has no entry for ablation=with_packing"):
        length_of(wanted(), ["ablation=with_packing"])


def test_averages_are_of_the_last_quarter_and_leave_losses_out() -> None:
    lines = [
        {"step": step, "generator_loss": 1.0, "modes_captured": float(step), "mode_counts": [1]}
        for step in range(10, 101, 10)
    ]
    assert averages(lines, 0.75) == {"modes_captured": 90.0}  # of 80, 90 and 100
    assert averages([{"step": 5, "sliced_wasserstein": 2.0}], 0.75) == {"sliced_wasserstein": 2.0}
    assert averages([], 0.75) == {}


def test_a_measure_that_training_did_not_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "modes_captured": 3}\n')
    with pytest.raises(NotMeasured, match=r"metrics.during=\[sliced_wasserstein\]"):
        average_of(tmp_path, "sliced_wasserstein", 0.75)


def test_every_setting_that_the_study_can_try_has_a_cost_in_its_file() -> None:
    for data_set in ("ring", "digits", "grid"):
        rows = compose_jobs(["-m", f"experiment={STUDY}/{data_set}"])
        assert len(rows) == 14
        for row in rows:
            search = row.config.search
            assert search is not None and set(search.seeds or []).isdisjoint(search.confirm_seeds or [])
            for steps in search.space["training.generator_steps"]:
                words = [*row.overrides, f"training.generator_steps={steps}"]
                choices = {key: values for key, values in search.space.items() if key.startswith("technique.")}
                words += [f"{key}={values[-1]}" for key, values in choices.items() if values[-1] != "log"]
                ((length, interval)) = length_of(search, words)
                assert int(length.partition("=")[2]) >= 32 and interval.startswith("metrics.step_interval=")


def test_an_experiment_may_stand_for_several() -> None:
    jobs = compose_jobs(["-m", f"experiment={STUDY}", "budget=smoke"])
    assert {job.experiment for job in jobs} == {f"{STUDY}/{name}" for name in ("ring", "digits", "grid")}
    assert len(jobs) == 42 and len({(job.experiment, job.name) for job in jobs}) == 42
    search = jobs[0].config.search
    assert search is not None and (search.trials, search.seeds, search.confirm_seeds) == (1, [101], [1])


@pytest.mark.integration
def test_a_study_of_an_experiments_own_trains_and_averages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"experiment={STUDY}/ring", "ablation=at_its_best/packing", "device=cpu", f"output_root={tmp_path}"]
    words += ["search.trials=1", "search.seeds=[101,102]", "search.confirm_seeds=[1]", "search.seconds=0.4"]
    assert run(words) == 0
    study = Path(capsys.readouterr().out.splitlines()[-1])
    summary = json.loads((study / "summary.json").read_text())
    confirmed = summary["confirmed"]
    assert set(confirmed["beside"][0]) >= {
        "sliced_wasserstein",
        "modes_captured",
        "modes_held",
        "high_quality_fraction",
    }
    assert confirmed["values"] == [confirmed["beside"][0]["sliced_wasserstein"]]
    runs = list(tmp_path.glob(f"{STUDY}/ring/*/config.yaml"))
    assert len(runs) == 3 and {read_config(path.parent).training.steps for path in runs} == {round(400 / 6.52)}
    logged = [json.loads(line) for line in (runs[0].parent / "metrics.jsonl").read_text().splitlines()]
    assert sum("sliced_wasserstein" in line for line in logged) >= 32
    assert run([*words, "seed=1"]) == 2  # the search's seeds are its own
