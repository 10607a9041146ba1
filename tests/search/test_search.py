"""job=search: its space, that it resumes by repeating the command, and that techniques get equal budgets."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from offline_log import offline_logs, read_offline_log

from improved_gan.cli import run
from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.run_folder import read_config
from improved_gan.search.space import space_of

optuna = pytest.importorskip("optuna")

SMALL = ("architecture.width=16", "architecture.generator_width=16", "training.steps=3", "training.threads=1")
SMALL += ("device=cpu", "tracking.mode=disabled", "metrics.measures=[test_error]")
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
        ("{output_root: [a, b]}", "decides no result"),
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
