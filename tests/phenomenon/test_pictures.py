"""A multirun of a phenomenon ends with its picture and its table, of what has finished."""

import json
from pathlib import Path

import pytest
from made_phenomena import make_run
from PIL import Image

from improved_gan.cli import run
from improved_gan.phenomenon import draw_phenomenon, markdown


@pytest.mark.integration
def test_a_multirun_ends_with_picture_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["-m", "experiment=phenomenon/batch_effects", "training.steps=3", "seed=1,2", f"output_root={tmp_path}"]
    assert run([*command, "metrics.names=[]", "tracking.mode=disabled"]) == 0
    report = tmp_path / "phenomenon" / "batch_effects" / "report"
    table = (report / "phenomenon.md").read_text().splitlines()
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == str(report.parent)
    assert shown[-2] == str(report / "phenomenon.png")
    assert [line.split("|")[1].strip() for line in table[2:]] == ["batch norm", "virtual batch norm"]
    of_batch_norm, of_virtual = (float(line.split("|")[3].split("±")[0]) for line in table[2:])
    assert of_batch_norm > 1
    assert of_virtual == 0
    with Image.open(report / "phenomenon.png") as picture:
        assert len(picture.convert("L").getcolors()) > 10


def test_heat_maps_hold_the_mean_of_each_cell(tmp_path: Path) -> None:
    for objective, value in (("minimax", 3.0), ("hinge", 5.0)):
        for seed in (1, 2):
            overrides = [f"objective={objective}", f"seed={seed}", "training.learning_rate=0.001"]
            make_run(tmp_path, "sensitivity", overrides, metrics={"frechet_classifier_distance": value + seed})
    picture = draw_phenomenon("sensitivity", tmp_path)
    assert picture is not None and picture.is_file()
    table = (tmp_path / "report" / "phenomenon.md").read_text()
    assert "| hinge | 0.001 | 0.5 | 2 | 6.500 ± 0.707 |" in table
    assert "| minimax | 0.001 | 0.5 | 2 | 4.500 ± 0.707 |" in table


def test_what_has_not_finished_is_left_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "sensitivity", ["seed=1"], metrics={"frechet_classifier_distance": 1.0})
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"status": "running"}))
    assert draw_phenomenon("sensitivity", tmp_path) is None


def test_markdown_leaves_empty_what_a_line_lacks() -> None:
    assert markdown([{"a": 1, "c": ""}, {"a": 2, "b": "x"}]) == "| a | b |\n| --- | --- |\n| 1 |  |\n| 2 | x |\n"
