"""Reading folders: whatever lies there, a sentence and no traceback."""

import json
import os

from made_runs import Maker, error_of

from improved_gan.report.discovery import read_runs


def test_a_run_is_read_with_all_that_it_says(maker: Maker) -> None:
    maker.run("a-1", seed=4, metrics=error_of(0.1), curve=[0.5, 0.2, 0.1], scaled=True, budget="cpu")
    (run,) = read_runs(maker.root).runs
    assert (run.name, run.status, run.step, run.scaled) == ("a-1", "finished", 1000, "cpu")
    assert run.settings["seed"] == 4 and run.settings["technique.label_smoothing.enabled"] is False
    assert run.metrics == {("test_error", (("samples", 360), ("split", "test"))): 0.1}
    assert run.curves["test_error"].values.tolist() == [0.5, 0.2, 0.1]
    assert run.overrides == ["seed=4"] and not run.problems


def test_runs_are_found_at_any_depth_and_a_run_alone_is_one(maker: Maker) -> None:
    folder = maker.run("deep/below/a-1")
    assert [run.name for run in read_runs(maker.root).runs] == ["deep/below/a-1"]
    assert [run.name for run in read_runs(folder).runs] == ["a-1"]


def test_what_is_no_run_is_named(maker: Maker) -> None:
    maker.run("a-1")
    (maker.root / "notes").mkdir()
    (maker.root / "config_of_something_else").mkdir()
    (maker.root / "config_of_something_else" / "config.yaml").write_text("dataset: 3\n")
    (maker.root / "damaged").mkdir()
    (maker.root / "damaged" / "config.yaml").write_bytes(b"seed: [\n\x00")
    os.symlink(maker.root, maker.root / "a_link_back_up")
    found = read_runs(maker.root)
    assert [run.name for run in found.runs] == ["a-1"] and found.foreign == ["notes"]
    assert sorted(problem.split(":")[0] for problem in found.problems) == ["config_of_something_else", "damaged"]


def test_half_written_lines_are_left_out_and_counted(maker: Maker) -> None:
    folder = maker.run("a-1", metrics=error_of(0.1), curve=[0.5, 0.1])
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 2000, "test_error": 0.3}\nnot json}\n{"no_step": 1}\n[1]\n{"step": 3000, "test_err')
    (run,) = read_runs(maker.root).runs
    assert run.curves["test_error"].steps[-1] == 2000
    assert run.problems == ["metrics.jsonl: 4 lines half-written or damaged, skipped"]


def test_the_line_that_a_running_run_is_writing_is_no_damage(maker: Maker) -> None:
    folder = maker.run("a-1", status="running")
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 510, "discrim')
    assert read_runs(maker.root).problems == []


def test_a_step_logged_twice_counts_once_with_its_later_value(maker: Maker) -> None:
    folder = maker.run("a-1")
    lines = [{"step": 10, "test_error": 0.9}, {"step": 20, "test_error": 0.8}, {"step": 10, "test_error": 0.7}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run,) = read_runs(maker.root).runs
    assert run.curves["test_error"].steps.tolist() == [10, 20]
    assert run.curves["test_error"].values.tolist() == [0.7, 0.8]


def test_long_logs_are_thinned_but_keep_every_measure(maker: Maker) -> None:
    maker.run("a-1", status="running", steps=40_000, curve=[0.5] * 20)
    (run,) = read_runs(maker.root).runs
    assert len(run.curves["test_error"].steps) == 20
    assert 150 < len(run.curves["discriminator_loss"].steps) < 600


def test_a_damaged_or_missing_summary_makes_the_run_unknown(maker: Maker) -> None:
    (maker.run("damaged-1") / "summary.json").write_text('{"status": "fin')
    (maker.run("missing-1") / "summary.json").unlink()
    (maker.run("list-1") / "summary.json").write_text("[1]")
    found = read_runs(maker.root)
    assert [run.status for run in found.runs] == ["unknown"] * 3 and len(found.problems) == 3


def test_values_that_are_no_finite_numbers_are_left_out(maker: Maker) -> None:
    for name, value in [("a", float("nan")), ("b", None), ("c", "0.1"), ("d", True), ("e", 10**400)]:
        maker.run(f"{name}-1", metrics={"test_error": {"value": value}})
    found = read_runs(maker.root)
    assert all(run.metrics == {} for run in found.runs) and len(found.problems) == 5


def test_evaluations_add_their_measures(maker: Maker) -> None:
    folder = maker.run("a-1", metrics=error_of(0.1))
    (folder / "evaluation" / "paper").mkdir(parents=True)
    score = {"value": 7.2, "samples": 50000, "network": "inception-2015-12-05"}
    (folder / "evaluation" / "paper" / "summary.json").write_text(json.dumps({"metrics": {"inception_score": score}}))
    (folder / "evaluation" / "broken").mkdir()
    (folder / "evaluation" / "broken" / "summary.json").write_text("{")
    found = read_runs(maker.root)
    assert {name for name, _ in found.runs[0].metrics} == {"test_error", "inception_score"}
    assert found.problems[0].startswith("a-1: evaluation/broken/summary.json cannot be read")


def test_an_evaluation_of_another_step_is_not_the_runs_score(maker: Maker) -> None:
    folder = maker.run("a-1", metrics=error_of(0.1))
    for name, step, value in (("midway", 500, 3.99), ("final", 1000, 1.41)):
        (folder / "evaluation" / name).mkdir(parents=True)
        summary = {"origin": {"step": step}, "metrics": {"frechet_classifier_distance": {"value": value}}}
        (folder / "evaluation" / name / "summary.json").write_text(json.dumps(summary))
        os.utime(folder / "evaluation" / name / "summary.json", (step, 1e9 - step))  # the midway one is the newer file
    found = read_runs(maker.root)
    assert [value for (name, _), value in found.runs[0].metrics.items() if name.startswith("frechet")] == [1.41]
    assert found.problems == [
        "a-1: evaluation/midway/summary.json: skipped, it evaluates step 500 of a run that is at step 1000"
    ]
