"""A technique from outside: one file, named by `plugin=`, through a multirun in other processes, resume and report.

docs/extending.md is this test told as a walk-through.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INPUT_NOISE = '''"""Instance noise: the discriminator sees x + deviation * e, e ~ N(0, I)."""

from dataclasses import dataclass

from improved_gan.config import number
from improved_gan.technique import Technique


@dataclass
class Config:
    enabled: bool = False
    deviation: float = number(minimum=0, default=0.1)


def discriminator_input(config):
    def noisy(images):
        import torch

        return images + config.deviation * torch.randn_like(images)

    return noisy


TECHNIQUE = Technique(config=Config, discriminator_input=discriminator_input)
'''
BRIGHTNESS = '''"""The mean brightness of the samples, 0 to 255."""

from improved_gan.metrics.registry import Metric


def brightness(inputs):
    from improved_gan.metrics.inputs import Score

    return Score(float(inputs.samples.images.mean()))


METRIC = Metric(brightness, better="128", sees="samples that are too dark or too bright", misses="everything else")
'''
SMALL = ["budget=smoke", "technique=none", "objective=non_saturating", "metrics=none", "training.threads=1"]
Line = Callable[..., list[str]]


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    file = tmp_path / "mine" / "input_noise.py"
    file.parent.mkdir()
    file.write_text(INPUT_NOISE)
    (file.parent / "brightness.py").write_text(BRIGHTNESS)
    return f"plugin=[{file},{file.parent / 'brightness.py'}]"


def ran(
    line: list[str], status: int = 0, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == status, done.stderr
    return done


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def runs(tmp_path: Path) -> list[Path]:
    return sorted(path.parent for path in (tmp_path / "outputs" / "default").glob("*/summary.json"))


@pytest.mark.integration
def test_a_technique_and_a_metric_in_files_are_swept_resumed_sampled_and_reported(
    command: Line, tmp_path: Path, plugin: str
) -> None:
    wanted = [*SMALL, "metrics.names=[brightness]", "training.checkpoint_interval=3"]
    toggle = "technique.input_noise.enabled=true,false"
    line = command("-m", plugin, *wanted, toggle, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    ran(line)
    folders = runs(tmp_path)
    assert [summary(folder)["status"] for folder in folders] == ["finished", "finished"]
    assert len({summary(folder)["metrics"]["brightness"]["value"] for folder in folders}) == 2
    ran(line)  # both are finished: found again, left alone
    assert runs(tmp_path) == folders

    (noisy,) = [folder for folder in folders if "input_noise_on" in folder.name]
    once = (noisy / "metrics.jsonl").read_text().splitlines()[-1]
    (noisy / "summary.json").write_text(json.dumps(summary(noisy) | {"status": "running"}))
    (noisy / "checkpoints" / "step_000006.pt").unlink()
    ran(command(plugin, *wanted, "technique.input_noise.enabled=true"))
    assert summary(noisy)["status"] == "finished" and runs(tmp_path) == folders
    again = (noisy / "metrics.jsonl").read_text().splitlines()[-1]
    assert json.loads(again)["discriminator_loss"] == json.loads(once)["discriminator_loss"]

    sampled = ran(command("job=sample", f"run={noisy}", "sample.count=4"))  # the run's config names the plugin
    assert Path(sampled.stdout.splitlines()[-1]).exists()
    ran(command("job=report", f"run={tmp_path / 'outputs' / 'default'}"))
    table = (tmp_path / "outputs" / "default" / "report" / "table.csv").read_text()
    assert "technique.input_noise.enabled" in table and "brightness" in table


def test_a_plugins_keys_are_keys_only_with_the_plugin(command: Line, plugin: str) -> None:
    wrong = ran(command("technique.input_noise.deviation=0.2"), status=2)
    assert "technique.input_noise.deviation=0.2: unknown key" in wrong.stderr
    negative = ran(command(plugin, "technique.input_noise.deviation=-1"), status=2)
    assert "technique.input_noise.deviation=-1.0: must be at least 0" in negative.stderr


def test_what_is_no_plugin_is_refused_in_a_sentence(command: Line, tmp_path: Path) -> None:
    (tmp_path / "empty_file.py").write_text("")
    (tmp_path / "r1.py").write_text(INPUT_NOISE)
    (tmp_path / "broken_file.py").write_text("import nothing_of_the_kind")
    for name, words in {
        str(tmp_path / "absent.py"): "there is no such file",
        str(tmp_path / "empty_file.py"): "holds no variant",
        str(tmp_path / "r1.py"): "there is a technique r1 already",
        str(tmp_path / "broken_file.py"): "cannot be imported (ModuleNotFoundError",
        "no_such_package": "must be a .py file or a package that can be imported",
    }.items():
        refused = ran(command(f"plugin={name}"), status=2)
        assert words in refused.stderr and refused.stderr.count("\n") == 1


def digests(*jobs: str) -> list[str]:
    """The hashes of the runs that `jobs` ask for, each of a process that knows no other's plugins."""
    code = "import sys; from improved_gan.composing import compose_jobs; print(compose_jobs(sys.argv[1:])[0].digest)"
    lines = [[sys.executable, "-c", code, *job.split()] for job in jobs]
    return [ran(line).stdout.strip() for line in lines]


def test_a_changed_file_is_another_run_and_a_moved_one_the_same(tmp_path: Path, plugin: str) -> None:
    moved, changed = tmp_path / "moved" / "input_noise.py", tmp_path / "changed" / "input_noise.py"
    for file, text in {moved: INPUT_NOISE, changed: INPUT_NOISE.replace("randn_like", "rand_like")}.items():
        file.parent.mkdir()
        file.write_text(text)
    on = " technique.input_noise.enabled=true"
    there, elsewhere, other = digests(plugin + on, f"plugin={moved}{on}", f"plugin={changed}{on}")
    assert there == elsewhere != other


def test_a_plugin_of_which_nothing_is_on_leaves_the_run_as_it_was(plugin: str) -> None:
    without, beside, on = digests("seed=1", plugin, f"{plugin} technique.input_noise.enabled=true")
    assert without == beside != on


@pytest.mark.integration
def test_an_installed_package_is_there_unasked_with_its_config_folder(command: Line, tmp_path: Path) -> None:
    """Installed as far as Python can tell: on its path, with the metadata that pip writes."""
    site = tmp_path / "site"
    package = site / "their_gans"
    for folder in ("technique", "metrics", "conf/ablation"):
        (package / folder).mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "technique" / "input_noise.py").write_text(INPUT_NOISE)
    (package / "metrics" / "brightness.py").write_text(BRIGHTNESS)
    noisy = "# @package _global_\ntechnique:\n  input_noise: {enabled: true, deviation: 0.3}\n"
    (package / "conf" / "ablation" / "noisy.yaml").write_text(noisy)
    metadata = site / "their_gans-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-gans\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[improved_gan.plugins]\ntheirs = their_gans\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    wanted = [*SMALL, "ablation=noisy", "metrics.names=[brightness]"]
    done = ran(command(*wanted), environment=environment)
    stored = (Path(done.stdout.splitlines()[-1]) / "config.yaml").read_text()
    assert "input_noise:\n    enabled: true\n    deviation: 0.3" in stored and "plugin:\n- theirs" in stored
    again = ran(command(*wanted, "plugin=their_gans"), environment=environment)
    assert "brightness" in again.stdout and len(runs(tmp_path)) == 1
    assert "noisy" in ran(command("--help"), environment=environment).stdout
