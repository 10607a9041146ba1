"""Variants from outside: files and a package, through a multirun in other processes, resume and report.

The files and commands are those of docs/extending.md.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r'^```python title="(.*?)"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FOLDERS = {"input_noise": "technique", "soft_hinge": "objective", "one_layer": "architecture", "stripes": "dataset"}
SMALL = ["budget=smoke", "technique=none", "metrics=none"]
Line = Callable[..., list[str]]


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return f"plugin={tmp_path / 'input_noise.py'}"


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


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """Do what a reader of the page types, with its files in the working folder; what is on stdout."""
    program = tmp_path / "bin" / "improved-gan"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m improved_gan "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    def typed(script: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", script], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return typed


@pytest.mark.integration
def test_what_the_page_says_works(shell: Callable[[str], str], tmp_path: Path, plugin: str) -> None:
    first, sweep = COMMANDS[0], COMMANDS[1].replace("budget=smoke", "budget=smoke training.checkpoint_interval=3")
    assert "input_noise_on" in shell(first).splitlines()[-1]
    shell(sweep)
    quiet, noisy = (f for f in runs(tmp_path) if "stripes" in f.name)
    assert "input_noise_off" in quiet.name and "input_noise_on" in noisy.name
    values = [summary(folder)["metrics"]["mean_brightness"]["value"] for folder in (quiet, noisy)]
    assert values[0] != values[1]
    table = (tmp_path / "outputs" / "default" / "report" / "table.csv").read_text()
    assert "technique.input_noise.enabled" in table and "mean_brightness" in table

    once = (noisy / "metrics.jsonl").read_text().splitlines()[-1]
    (noisy / "summary.json").write_text(json.dumps(summary(noisy) | {"status": "running"}))
    (noisy / "checkpoints" / "step_000006.pt").unlink()
    shell(sweep)
    assert summary(noisy)["status"] == "finished"
    again = (noisy / "metrics.jsonl").read_text().splitlines()[-1]
    assert json.loads(again)["discriminator_loss"] == json.loads(once)["discriminator_loss"]
    assert len([folder for folder in runs(tmp_path) if "stripes" in folder.name]) == 2
    sampled = shell(f"improved-gan job=sample run={noisy} sample.count=4")
    assert list(Path(sampled.splitlines()[-1]).glob("*.png"))


def test_a_plugins_keys_are_keys_only_with_the_plugin(command: Line, plugin: str) -> None:
    wrong = ran(command("technique.input_noise.deviation=0.2"), status=2)
    assert "technique.input_noise.deviation=0.2: unknown key" in wrong.stderr
    negative = ran(command(plugin, "technique.input_noise.deviation=-1"), status=2)
    assert "technique.input_noise.deviation=-1.0: must be at least 0" in negative.stderr
    both = plugin.replace("input_noise", "soft_hinge")
    other = ran(command(both, "objective=hinge", "objective.temperature=2"), status=2)
    assert "objective.temperature=2.0: has no effect without objective=soft_hinge" in other.stderr
    smooth = ran(command(both, "objective=soft_hinge", "technique.label_smoothing.enabled=true"), status=2)
    assert "objective=soft_hinge has no target to smooth" in smooth.stderr


def test_what_is_no_plugin_is_refused_in_a_sentence(command: Line, tmp_path: Path) -> None:
    (tmp_path / "empty_file.py").write_text("")
    (tmp_path / "hinge.py").write_text(FILES["soft_hinge.py"])
    (tmp_path / "margin_of_ours.py").write_text(FILES["soft_hinge.py"].replace("temperature", "margin"))
    (tmp_path / "r1.py").write_text(FILES["input_noise.py"])
    (tmp_path / "broken_file.py").write_text("import nothing_of_the_kind")
    for name, words in {
        str(tmp_path / "absent.py"): "there is no such file",
        str(tmp_path / "empty_file.py"): "holds no variant",
        str(tmp_path / "r1.py"): "r1 is taken in group technique",
        str(tmp_path / "hinge.py"): "hinge is taken in group objective",
        str(tmp_path / "margin_of_ours.py"): "objective.margin is a key of energy_based",
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
    text = FILES["input_noise.py"]
    for file, content in {moved: text, changed: text.replace("randn_like", "rand_like")}.items():
        file.parent.mkdir()
        file.write_text(content)
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
    (package / "conf" / "ablation").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, text in FILES.items():
        file = package / FOLDERS.get(name.removesuffix(".py"), "metrics") / name
        file.parent.mkdir()
        file.write_text(text)
    noisy = "# @package _global_\ntechnique:\n  input_noise: {enabled: true, deviation: 0.3}\n"
    (package / "conf" / "ablation" / "noisy.yaml").write_text(noisy)
    metadata = site / "their_gans-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-gans\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[improved_gan.plugins]\ntheirs = their_gans\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    theirs = ["dataset=stripes", "architecture=one_layer", f"data_root={tmp_path}", "objective=soft_hinge"]
    wanted = [*SMALL, *theirs, "ablation=noisy", "metrics.names=[mean_brightness]"]
    done = ran(command(*wanted), environment=environment)
    stored = (Path(done.stdout.splitlines()[-1]) / "config.yaml").read_text()
    assert "input_noise:\n    enabled: true\n    deviation: 0.3" in stored and "plugin:\n- theirs" in stored
    again = ran(command(*wanted, "plugin=their_gans"), environment=environment)
    assert "brightness" in again.stdout and len(runs(tmp_path)) == 1
    assert "noisy" in ran(command("--help"), environment=environment).stdout
