"""scripts/at_its_best.py: the page from collected searches, finished or not; and the whole study, small."""

import csv
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from improved_gan.cli import run

SCRIPT = Path(__file__).parents[2] / "scripts" / "at_its_best.py"
sys.path.append(str(SCRIPT.parent))
spec = importlib.util.spec_from_file_location("at_its_best", SCRIPT)
assert spec is not None and spec.loader is not None
at_its_best = importlib.util.module_from_spec(spec)
spec.loader.exec_module(at_its_best)

SEEDS = list(range(1, 11))


def searched(row: str, trials: list[float | None], confirmed: list[float | None] | None) -> dict[str, Any]:
    settings = {"training.generator_learning_rate": 0.0012345, "training.generator_steps": 5}
    beside = {"modes_captured": 7.5, "modes_held": 6.0, "high_quality_fraction": 0.81}
    return {
        "data_set": "ring",
        "row": row,
        "budget": "short",
        "metric": "sliced_wasserstein",
        "wanted": 3,
        "search_seeds": [101, 102],
        "confirm_seeds": SEEDS,
        "seconds": 10.0,
        "trials": [
            {
                "state": "fail" if value is None else "complete",
                "value": value,
                "settings": settings,
                "beside": {} if value is None else beside,
                "reason": "a loss became nan" if value is None else None,
            }
            for value in trials
        ],
        "best": [*(f"{key}={value}" for key, value in settings.items()), "training.steps=1447"],
        "step_milliseconds": 6.91,
        "confirmed": confirmed
        and {"seeds": SEEDS, "values": confirmed, "beside": [None if v is None else beside for v in confirmed]},
    }


def page(folder: Path, *rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    for row in rows:
        path = folder / "kept" / "ring" / f"{row['row']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(row))
    monkeypatch.setattr(sys, "argv", ["at_its_best.py", "--kept", f"{folder}/kept", "--page", f"{folder}/page.md"])
    assert at_its_best.main() == 0
    return (folder / "page.md").read_text()


def cells(text: str, row: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_page_tells_finished_rows_from_none_and_shows_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = [0.1 + 0.01 * seed for seed in SEEDS]
    text = page(
        tmp_path,
        searched("none", [0.2, 0.15, 0.9], [*base]),
        searched("packing", [None, 0.16, 0.05], [value - 0.05 - 0.001 * k for k, value in enumerate(base)]),
        searched("r1", [0.2, 0.2, 0.2], [None, *base[1:]]),
        searched("unrolling", [0.3], None),
        monkeypatch=monkeypatch,
    )
    packing = cells(text, "packing")
    assert packing[2].startswith("-0.0545 (") and packing[3] == "0.002" and packing[4] == f"{13 * 2 / 1024:.3f}"
    assert packing[5:8] == ["7.5", "6.0", "81"]
    assert packing[8:] == ["6.91", "failed, 0.05", "33%", "G 0.0012, G steps 5"]
    assert "(1 failed)" in cells(text, "r1")[1] and cells(text, "r1")[4] == "1.000"
    assert cells(text, "none")[1] == "0.155 ± 0.03" and cells(text, "none")[2] == ""
    assert cells(text, "unrolling")[1] == "*1 of 3 trials*" and cells(text, "historical averaging")[1] == "*not begun*"
    assert "3 of 14 rows are finished" in text and "packing is better than tuned none" in text
    trials = list(csv.DictReader((tmp_path / "kept" / "ring.csv").open()))
    assert [trial["row"] for trial in trials] == ["none"] * 3 + ["r1"] * 3 + ["packing"] * 3 + ["unrolling"]
    assert (tmp_path / "page.png").stat().st_size > 5000


def test_every_row_counts_in_holms_family_before_it_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = [0.1 + 0.01 * seed for seed in SEEDS]
    rows = [searched("none", [0.2], [*base]), searched("r1", [0.2], [value - 0.01 for value in base])]
    text = page(tmp_path, *rows, monkeypatch=monkeypatch)
    assert cells(text, "r1")[4] == f"{13 * 2 / 1024:.3f}"


@pytest.mark.slow
def test_the_whole_study_runs_small_and_makes_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    words = ["-m", "experiment=study/at_its_best", "budget=smoke", f"output_root={tmp_path}/outputs", "device=cpu"]
    assert run(words) == 0
    kept, target = tmp_path / "kept", tmp_path / "page.md"
    assert at_its_best.collect(tmp_path / "outputs", kept) == 0
    assert len(list(kept.glob("*/*.json"))) == 42
    monkeypatch.setattr(sys, "argv", ["at_its_best.py", "--kept", str(kept), "--page", str(target)])
    assert at_its_best.main() == 0
    assert target.read_text().count("14 of 14 rows are finished") == 3
