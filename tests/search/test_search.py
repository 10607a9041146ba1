"""job=search: its space, that it resumes by repeating the command, and that techniques get equal budgets."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from offline_log import offline_logs, read_offline_log

from improved_gan.cli import run
from improved_gan.composing import compose_jobs, groups
from improved_gan.config import UsageError
from improved_gan.job import search as search_job
from improved_gan.run_folder import read_config
from improved_gan.search.seeds import Measured
from improved_gan.search.space import default_of, space_of

optuna = pytest.importorskip("optuna")

SMALL = ("architecture.width=16", "architecture.generator_width=16", "training.steps=3", "training.threads=1")
SMALL += ("device=cpu", "tracking.mode=disabled", "metrics.names=[test_error]")
SPACE = "search.space={training.learning_rate: [0.001, 0.01, log], training.batch_size: [50, 100]}"


def distributions(space: str, *overrides: str) -> dict[str, object]:
    (request,) = compose_jobs(["job=search", f"search.space={space}", *overrides])
    return dict(space_of(request.config, list(overrides)))


def test_ranges_and_choices() -> None:
    found = distributions(
        "{training.learning_rate: [0.001, 0.01, log], training.batch_size: [50, 100, linear], "
        "objective: [minimax, non_saturating]}",
        "technique=none",
    )
    assert found == {
        "training.learning_rate": optuna.distributions.FloatDistribution(0.001, 0.01, log=True),
        "training.batch_size": optuna.distributions.IntDistribution(50, 100),
        "objective": optuna.distributions.CategoricalDistribution(["minimax", "non_saturating"]),
    }


def test_a_technique_that_is_off_has_nothing_to_tune() -> None:
    space = "{training.learning_rate: [0.001, 0.01, log], technique.label_smoothing.real_target: [0.7, 1.0, linear]}"
    assert set(distributions(space, "technique=none")) == {"training.learning_rate"}
    assert len(distributions(space, "technique=our_methods")) == 2


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("{}", "nothing to search"),
        ("3", "must be"),
        ("{output_root: [a, b]}", "does not affect results"),
        ("{training.learning_rat: [1, 2, log]}", "no such key"),
        ("{training.learning_rate: [0.1, 0.01, log]}", "low < high"),
        ("{training.learning_rate: [0, 0.01, log]}", "above 0"),
        ("{training.learning_rate: 3}", "must be"),
        ("{training.batch_size: [1, 100, linear]}", "at least 2"),
        ("{dataset: [digits, nowhere]}", "must be one of"),
    ],
)
def test_a_wrong_space_is_a_sentence(space: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        distributions(space)


@pytest.mark.integration
def test_repeating_the_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path /= "50% of #1, {a}?x=[b] & 'c'"  # what an address of a database could take for its own

    def search(trials: int) -> Path:
        assert run(["job=search", f"search.trials={trials}", SPACE, *SMALL, f'output_root="{tmp_path}"']) == 0
        return Path(capsys.readouterr().out.splitlines()[-1])

    study = search(1)
    stored = optuna.load_study(study_name="search", storage=f"sqlite:///file:{quote(str(study / 'study.db'))}?uri=true")
    begun = stored.ask(stored.trials[0].distributions)  # as a process that was killed leaves it
    assert search(2) == study
    params = [trial.params for trial in stored.trials if trial.state.name == "COMPLETE"]
    assert len(params) == 2 and params[1] == begun.params  # it came first, and did not count before it was done
    summary = json.loads((study / "summary.json").read_text())
    assert (summary["trials"], summary["failed"], summary["direction"]) == (2, 0, "minimize")
    values = [trial["value"] for trial in summary["best"]]
    assert values == sorted(values) and len(values) == 2
    assert len(list(csv.DictReader((study / "trials.csv").open()))) >= 2
    assert all(Path(trial["run"]).parent == tmp_path / "default" for trial in summary["best"])


SEEDS = ["search.seeds=[1,2]", "search.confirm_seeds=[11,12]"]


def test_a_techniques_space_holds_the_common_one_and_its_own() -> None:
    for name in groups()["search"]:
        off = name in ("none", "feature_matching")
        words = ["technique=none", *([] if off else [f"technique.{name}.enabled=true"])]
        words += ["objective=non_saturating", "technique.historical_averaging.weight=0.1", "training.batch_size=96"]
        (request,) = compose_jobs(["job=search", f"search={name}", "search.metric=classifier_score", *words])
        space = space_of(request.config, words)
        assert len(space) >= 5 and "training.optimizer.beta1" in space
        assert any(key.startswith(f"technique.{name}.") for key in space) is not off


def test_the_guess_is_among_the_trials_where_the_space_holds_it(caplog: pytest.LogCaptureFixture) -> None:
    space = "{training.learning_rate: [0.001, 0.01, log], training.batch_size: [20, 50], "
    space += "training.learning_rate_decay_start: [0.5, 1]}"
    (request,) = compose_jobs(["job=search", f"search.space={space}"])
    with caplog.at_level("WARNING", "improved_gan"):
        assert default_of(request.config, space_of(request.config, [])) == {
            "training.learning_rate": 0.003,
            "training.learning_rate_decay_start": 1.0,
        }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search.seeds=[1,2]", "search.confirm_seeds=[2,3]"], "2 is among search.seeds"),
        (["search.seeds=[1,2]", "seed=3"], "not supported with seed"),
        (["search.seeds=[]"], "is empty"),
        (["search.seeds=[-1]"], "at least 0"),
    ],
)
def test_seeds_that_cannot_be_are_a_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["job=search", SPACE, *SMALL, *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.integration
def test_a_settings_value_is_the_mean_over_seeds_and_the_best_is_confirmed_on_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["job=search", "search.trials=2", SPACE, *SEEDS, *SMALL, f"output_root={tmp_path}"]) == 0
    study = Path(capsys.readouterr().out.splitlines()[-1])
    summary = json.loads((study / "summary.json").read_text())
    assert len(summary["best"]) == 2
    for trial in summary["best"]:
        assert len(trial["values"]) == 2 and trial["value"] == pytest.approx(sum(trial["values"]) / 2)
    first = optuna.load_study(study_name="search", storage=f"sqlite:///{study / 'study.db'}").trials[0]
    assert first.params == {"training.learning_rate": 0.003, "training.batch_size": 100}  # the guess
    confirmed = summary["confirmed"]
    assert confirmed["settings"] == summary["best"][0]["settings"] and confirmed["seeds"] == [11, 12]
    assert confirmed["mean"] == pytest.approx(sum(confirmed["values"]) / 2)
    seeds = [read_config(path.parent).seed for path in tmp_path.glob("default/*/summary.json")]
    assert sorted(seeds) == [1, 1, 2, 2, 11, 12]


@pytest.mark.integration
def test_a_killed_search_resumes_its_run_and_counts_it_once(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "improved_gan", "job=search", "search.trials=2", "search.seeds=[1,2]", SPACE, *SMALL]
    line += ["training.epochs=null", "training.steps=60", "training.checkpoint_interval=5", f"output_root={tmp_path}"]
    line.remove("training.steps=3")
    killed = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("default/*/checkpoints/*.pt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    (begun,) = tmp_path.glob("default/*/config.yaml")
    assert json.loads((begun.parent / "summary.json").read_text())["status"] == "running"
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resuming at step" in done.stderr
    summary = json.loads((Path(done.stdout.splitlines()[-1]) / "summary.json").read_text())
    assert (summary["trials"], summary["failed"]) == (2, 0)
    assert len(list(tmp_path.glob("default/*/config.yaml"))) == 4  # two trials of two seeds: none was run twice
    assert all(json.loads(p.read_text())["status"] == "finished" for p in tmp_path.glob("default/*/summary.json"))


@pytest.mark.integration
def test_processes_share_a_study(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "improved_gan", "job=search", "search.trials=3", SPACE, *SMALL]
    line += [f"output_root={tmp_path}"]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    (study,) = {end.splitlines()[-1] for end in ends}
    states = [
        t.state.name for t in optuna.load_study(study_name="search", storage=f"sqlite:///{study}/study.db").trials
    ]
    assert states == ["COMPLETE"] * 3


def test_a_trial_worse_than_the_median_ends_after_half_its_seeds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=4))
    made: list[int | None] = []

    def runs(overrides: object, settings: list[str], seeds: list[int | None], wanted: object) -> object:
        for seed in seeds:
            made.append(seed)
            yield Measured(tmp_path, float(settings[0].partition("=")[2]), {})

    monkeypatch.setattr(search_job, "over_seeds", runs)
    wanted = compose_jobs(["job=search", SPACE])[0].config.search
    assert wanted is not None
    for value in (1.0, 2.0, 3.0, 4.0, 5.0, 1.5):
        study.enqueue_trial({"x": value})
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 9)})
        search_job._try(study, trial, wanted, [], [1, 2])
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4 + ["PRUNED", "COMPLETE"]
    assert made == [1, 2] * 4 + [1] + [1, 2]
    assert len(search_job.ended(study)) == 6


@pytest.mark.integration
def test_the_wandb_sweep_drives_the_same_command(tmp_path: Path) -> None:
    """As W&B's agent does: the file's command with parameters drawn from it, in the environment of a sweep's run."""
    utils = pytest.importorskip("wandb.sdk.launch.sweeps.utils")
    sweep = yaml.safe_load((Path(__file__).parents[2] / "scripts" / "wandb_sweep.yaml").read_text())
    drawn = {
        key: {"value": setting.get("value", setting.get("min", (setting.get("values") or [None])[0]))}
        for key, setting in sweep["parameters"].items()
    }
    parameters = tmp_path / "config-abc12345.yaml"
    parameters.write_text(yaml.safe_dump({"wandb_version": 1, **drawn}))
    parts = {"${env}": ["/usr/bin/env"], "${program}": [sys.executable, "-m", "improved_gan"]}
    parts["${args_no_hyphens}"] = utils.create_sweep_command_args({"args": drawn})["args_no_hyphens"]
    assert sweep["program"] == "improved-gan" and set(parts) <= set(sweep["command"])
    line = [word for part in sweep["command"] for word in parts.get(part, [part])]
    line += ["tracking.mode=offline", "budget=smoke", "device=cpu", f"output_root={tmp_path / 'outputs'}"]
    agent = {"WANDB_SWEEP_ID": "s1w2e3e4", "WANDB_RUN_ID": "abc12345", "WANDB_SWEEP_PARAM_PATH": str(parameters)}
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | agent)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    config = read_config(folder)
    assert config.training.learning_rate == 0.0003 and config.dataset.evaluate_on == "validation"
    assert config.technique.minibatch_discrimination.kernels == 16
    (path,) = offline_logs(folder)
    log = read_offline_log(path)
    assert path.name == "run-abc12345.wandb"  # the run that the agent waits for
    assert json.loads((folder / "summary.json").read_text())["tracking_run"] == "abc12345"
    assert sweep["metric"]["name"] in log.history[-1]  # what it optimises
