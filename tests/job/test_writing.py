"""What jobs write: never over another evaluation, never in vain, and a log that tells the run's story."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from improved_gan import cli
from improved_gan.run_folder import RunFolder

SMALL = ("budget=smoke", "tracking.mode=disabled", "metrics.names=[test_error]", "training.checkpoint_interval=10")
MEASURED = ("metrics.names=[sliced_wasserstein]", "metrics.samples=20", "metrics.reference_samples=20")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    assert cli.run([*SMALL, f"output_root={root}"]) == 0
    (path,) = root.glob("default/*")
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.run(["job=evaluate", f"output_root={tmp_path / 'outputs'}", *MEASURED, *arguments])
    return status, *capsys.readouterr()


def loose(folder: Path, value: int) -> Path:
    folder.mkdir()
    np.savez(folder / "samples.npz", images=np.full((20, 8, 8, 1), value, np.uint8))
    return folder / "samples.npz"


def test_one_image_is_too_few_to_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 8, 8, 1), np.uint8))
    status, _, err = evaluate(tmp_path, capsys, f"images={tmp_path / 'one.npz'}")
    assert status == 2 and f"images={tmp_path / 'one.npz'}: holds 1 image; must be at least 2" in err


def test_images_of_one_name_from_two_places_have_two_evaluations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, found = [loose(tmp_path / "m1", 10), loose(tmp_path / "m2", 200)], []
    for source in (*sources, *sources):
        status, out, err = evaluate(tmp_path, capsys, f"images={source}")
        assert status == 0, err
        found.append(Path(out.splitlines()[-1]))
    assert found[:2] == found[2:] and found[0] != found[1]
    for source, folder in zip(sources, found, strict=False):
        assert json.loads((folder / "summary.json").read_text())["images"] == str(source)


def test_a_name_that_is_taken_by_other_images_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = loose(tmp_path / "m1", 10), loose(tmp_path / "m2", 200)
    assert evaluate(tmp_path, capsys, f"images={first}", "evaluate.name=mine")[0] == 0
    status, out, err = evaluate(tmp_path, capsys, f"images={second}", "evaluate.name=mine")
    assert (status, out) == (2, "") and err.startswith("error: evaluate.name=mine: ") and str(first) in err


@pytest.mark.parametrize("job", ["sample", "evaluate"])
def test_a_run_that_cannot_be_written_to_is_refused_first(
    job: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "evaluation").write_text("no folder, so that nothing can be written there, not even by root")
    key = {"sample": "run", "evaluate": "images"}[job]
    status = cli.run([f"job={job}", f"{key}={run}", *(MEASURED if job == "evaluate" else ())])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"error: {key}={run}: ") and "cannot be written to" in err


def test_the_table_is_printed_even_if_it_cannot_be_stored(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "evaluation" / "default" / "table.csv").mkdir(parents=True)
    status, out, _ = evaluate(tmp_path, capsys, f"images={run}")
    assert status == 1 and "sliced_wasserstein" in out


def test_the_table_of_a_run_is_printed_even_if_its_summary_cannot_be_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: RunFolder, summary: dict[str, Any]) -> None:  # a disk that fills up at the very end
        if summary["step"] == summary["total_steps"]:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_summary", full)
    status = cli.run([*SMALL, f"output_root={tmp_path}"])
    out, err = capsys.readouterr()
    assert status == 1 and "test_error" in out and "No space left on device" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_paths_with_signs_that_mean_something_elsewhere_are_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "100% a?b#c[d] 'e' {f} ${g} $h,i;j&k=l*"
    images = loose(place, 10)
    quoted = str(place).replace("${", "\\${")
    assert cli.run([*SMALL, f'output_root="{quoted}/out"']) == 0
    (run,) = (place / "out" / "default").iterdir()
    for line in (
        ["job=evaluate", f'images="{quoted}/out/default/{run.name}"', *MEASURED],
        ["job=evaluate", f'images="{quoted}/{images.name}"', *MEASURED],
        ["job=sample", f'run="{quoted}/out/default/{run.name}"'],
        ["job=report"],
        [*SMALL],
    ):
        assert cli.run([*line, f'output_root="{quoted}/out"']) == 0, capsys.readouterr()
    assert "already finished" in capsys.readouterr().err
    assert (run / "evaluation" / "sample" / "grid.png").is_file() and (run.parent / "report" / "table.md").is_file()


def test_the_log_tells_the_runs_story(trained: Path) -> None:
    summary: dict[str, Any] = json.loads((trained / "summary.json").read_text())
    story, last = (trained / "log.txt").read_text(), summary["step"]
    for words in (
        "improved-gan budget=smoke tracking.mode=disabled",
        f"torch {summary['environment']['torch']}",
        f"device {summary['environment']['device']}",
        f"data: digits, checksum {summary['dataset']['checksum']}",
        f"step {last}: checkpoint step_{last:06d}.pt",
        "status       finished",
    ):
        assert words in story
    assert all("," in line[:24] for line in story.splitlines()[:3])  # each with its time


def test_other_samples_of_a_run_have_another_evaluation(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step, found = json.loads((run / "summary.json").read_text())["step"], []
    for seed in (1, 2, 1, 2):
        status, out, err = evaluate(tmp_path, capsys, f"images={run}", f"evaluate.seed={seed}")
        assert status == 0, err
        found.append(Path(out.splitlines()[-1]))
    assert found[:2] == found[2:] == [run / "evaluation" / name for name in ("default", f"step_{step:06d}-seed_2")]
    for seed, folder in enumerate(found[:2], start=1):
        assert json.loads((folder / "summary.json").read_text())["origin"]["seed"] == seed
    status, out, err = evaluate(tmp_path, capsys, f"images={run}", "evaluate.seed=2", "evaluate.name=default")
    assert (status, out) == (2, "") and "error: evaluate.name=default: " in err and f"step {step}, seed 1" in err


def test_what_is_said_of_the_data_reaches_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(200):
        Image.fromarray(np.full((32, 32), number, np.uint8)).save(images / f"{number}.png")
    (images / ".hidden.png").touch()
    asked = ("dataset=image_folder", f"dataset.path={images}", "objective=non_saturating", "metrics=none")
    assert cli.run([*SMALL[:2], *asked, f"output_root={tmp_path / 'runs'}"]) == 0
    (log,) = (tmp_path / "runs").glob("default/*/log.txt")
    for words in ("skipped 1 hidden files or folders", "images converted: 200 in gray made RGB"):
        assert log.read_text().count(words) == 1
