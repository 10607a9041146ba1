"""A run is known by its data's content, wherever that lies, and never goes on with other data."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from improved_gan.cli import run

SMALL = ["architecture=digits_mlp", "objective=non_saturating", "metrics=none", "budget=smoke", "device=cpu"]
JUDGED = ["metrics=none", "metrics.names=[sliced_wasserstein]", "budget=smoke", "device=cpu"]


def write_images(path: Path, base: int, count: int = 300) -> None:
    path.parent.mkdir(exist_ok=True)
    pixels = base + np.random.default_rng(0).integers(0, 60, (count, 8, 8))
    np.savez(path, images=pixels.astype(np.uint8), labels=np.arange(count) % 3)


def write_named_set(root: Path, base: int) -> None:
    """A MNIST that is much smaller than MNIST."""
    root.mkdir(exist_ok=True)
    pixels = (base + np.random.default_rng(0).integers(0, 60, (300, 28, 28))).astype(np.uint8)
    labels = np.arange(300) % 10
    np.savez(root / "mnist.npz", x_train=pixels, y_train=labels, x_test=pixels[:100], y_test=labels[:100])


def runs(output: Path) -> list[Path]:
    return sorted(path.parent for path in output.glob("default/*/config.yaml"))


def stop_midway(folder: Path) -> None:
    """Leave the run as an interruption leaves it."""
    summary = folder / "summary.json"
    summary.write_text(summary.read_text().replace('"status": "finished"', '"status": "stopped"'))


def test_other_data_under_the_same_relative_path_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    for name, base in (("one", 20), ("two", 180)):
        write_images(tmp_path / name / "images.npz", base)
        monkeypatch.chdir(tmp_path / name)
        assert run(["dataset=npz", "dataset.path=images.npz", f"output_root={output}", *SMALL]) == 0
    assert len(runs(output)) == 2
    stored = {yaml.safe_load((folder / "config.yaml").read_text())["dataset"]["path"] for folder in runs(output)}
    assert stored == {str(tmp_path / name / "images.npz") for name in ("one", "two")}


def test_a_copy_elsewhere_is_the_same_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    output = tmp_path / "out"
    for name in ("one", "two"):
        write_images(tmp_path / name / "images.npz", 20)
        path = tmp_path / name / "images.npz"
        assert run(["dataset=npz", f"dataset.path={path}", f"output_root={output}", *SMALL]) == 0
    assert len(runs(output)) == 1
    assert "already finished" in caplog.text


def test_a_replaced_file_is_other_data(tmp_path: Path) -> None:
    output, path = tmp_path / "out", tmp_path / "data" / "images.npz"
    for base in (20, 180):
        write_images(path, base)
        assert run(["dataset=npz", f"dataset.path={path}", f"output_root={output}", *SMALL]) == 0
    assert len(runs(output)) == 2


def test_a_run_does_not_go_on_with_replaced_data(tmp_path: Path) -> None:
    output, path = tmp_path / "out", tmp_path / "data" / "images.npz"
    asked = ["dataset=npz", f"dataset.path={path}", f"output_root={output}", *SMALL]
    write_images(path, 20)
    assert run(asked) == 0
    (first,) = runs(output)
    stop_midway(first)
    before = (first / "summary.json").read_text()
    write_images(path, 180)
    assert run(asked) == 0
    assert len(runs(output)) == 2
    assert (first / "summary.json").read_text() == before


def test_a_named_set_that_changed_is_refused_by_every_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, root = tmp_path / "out", tmp_path / "data"
    asked = ["dataset=mnist", "objective=non_saturating", "metrics=none", "budget=smoke", "device=cpu"]
    asked += [f"data_root={root}", f"output_root={output}"]
    write_named_set(root, 20)
    assert run(asked) == 0
    (folder,) = runs(output)
    write_named_set(root, 180)
    judge = ["job=evaluate", f"images={folder}", f"data_root={root}", *JUDGED]
    sample = ["job=sample", f"run={folder}", f"data_root={root}", "device=cpu"]
    for arguments in (asked, ["-m", *asked], judge, sample, [*sample[:2], "device=cpu"]):
        assert run(arguments) == 2, arguments
        assert capsys.readouterr().err.count("checksum") == 1, arguments
    stop_midway(folder)
    for arguments in (asked, ["-m", *asked]):
        assert run(arguments) == 2, arguments
    write_named_set(tmp_path / "right", 20)
    assert run([*judge, f"data_root={tmp_path / 'right'}"]) == 0


def test_moved_data_is_heeded_if_it_is_the_runs_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, output = tmp_path / "a" / "images.npz", tmp_path / "b" / "images.npz", tmp_path / "out"
    write_images(before, 20)
    assert run(["dataset=npz", f"dataset.path={before}", f"output_root={output}", *SMALL]) == 0
    (folder,) = runs(output)
    before.parent.rename(after.parent)
    judge = ["job=evaluate", f"images={folder}", *JUDGED]
    assert run(judge) == 2
    assert "was moved, set dataset.path=" in capsys.readouterr().err
    for choice in ([], ["dataset=npz"]):
        assert run([*judge, *choice, f"dataset.path={after}"]) == 0
        assert run(["job=sample", f"run={folder}", "device=cpu", *choice, f"dataset.path={after}"]) == 0
    write_images(tmp_path / "other" / "images.npz", 180)
    assert run([*judge, f"dataset.path={tmp_path}/other/images.npz"]) == 2
    assert "checksum" in capsys.readouterr().err


def test_a_refused_multirun_prepares_nothing(tmp_path: Path) -> None:
    path, output = tmp_path / "data" / "images.npz", tmp_path / "out"
    write_images(path, 20)
    asked = ["dataset=npz", f"dataset.path={path}", f"data_root={tmp_path / 'data'}", f"output_root={output}", *SMALL]
    assert run(["-m", *asked, "training.batch_size=10,1"]) == 2
    assert run(["-m", *asked, f"dataset.path={path},{path}.not_there"]) == 2
    assert sorted(tmp_path.iterdir()) == [tmp_path / "data"]
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["images.npz"]


def test_data_is_identified_without_torch(tmp_path: Path) -> None:
    write_images(tmp_path / "data" / "images.npz", 20)
    asked = ["dataset=npz", f"dataset.path={tmp_path}/data/images.npz", *SMALL]
    program = f"import sys; from improved_gan.composing import compose_jobs; compose_jobs({asked!r}); "
    subprocess.run([sys.executable, "-c", f"{program}assert 'torch' not in sys.modules"], check=True, cwd=tmp_path)
