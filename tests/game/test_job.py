"""`job=game` from the command line: its folder, what it prints, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from improved_gan.cli import run
from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.run_folder import read_config

FILES = {"config.yaml", "summary.json", "trajectory.npz", "trajectory.png", "trajectory.gif", "distance.png", ".lock"}
AVERAGING = "technique.historical_averaging"


def played(capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> tuple[Path, str]:
    """The folder that a game in `tmp_path` names last, and everything that it printed."""
    assert run(["job=game", f"output_root={tmp_path}", *arguments]) == 0
    printed = capsys.readouterr().out
    return Path(printed.splitlines()[-1]), printed


@pytest.mark.integration
def test_a_run_leaves_its_folder_and_is_left_alone_afterwards(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, printed = played(capsys, tmp_path)
    assert folder.parent == tmp_path / "game"
    assert {file.name for file in folder.iterdir()} == FILES
    assert "144.8" in printed and "±1i" in printed and "spiral outwards" in printed
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "finished" and summary["seed"] == 1 and summary["course"] == "farther"
    assert summary["distance_to_equilibrium"] == pytest.approx(1.01**500)
    assert summary["eigenvalues"] in ([[0, 1], [0, -1]], [[0, -1], [0, 1]])
    assert read_config(folder).game is not None
    path = np.load(folder / "trajectory.npz")
    assert path["x"].shape == path["y"].shape == (1001,)
    for picture in ("trajectory.png", "distance.png", "trajectory.gif"):
        assert (folder / picture).stat().st_size < 500_000
    with Image.open(folder / "trajectory.gif") as animation:
        assert animation.n_frames > 30  # type: ignore[attr-defined]

    times = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    again, printed_again = played(capsys, tmp_path)
    assert again == folder and printed_again == printed
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == times


@pytest.mark.integration
def test_historical_averaging_is_heeded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("game=nonconvex", "game.steps=1000", f"{AVERAGING}.enabled=true", f"{AVERAGING}.weight=0.1")
    folder, printed = played(capsys, tmp_path, *arguments)
    summary = json.loads((folder / "summary.json").read_text())
    assert f"{summary['distance_to_equilibrium']:.3g}" == "0.743"
    assert summary["course"] == "nearer" and "mean" in printed
    assert summary["averaging_exponent"] == pytest.approx(1 / 1.01)


@pytest.mark.integration
def test_a_game_beyond_the_range_of_numbers_still_ends(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder, printed = played(capsys, tmp_path, "game.learning_rate=1e9", "game.steps=100")
    summary = json.loads((folder / "summary.json").read_text())  # no NaN, no Infinity: neither is JSON
    assert summary["overflowed"] and summary["step"] < 100 and np.isfinite(summary["distance_to_equilibrium"])
    assert "stopped at" in printed


@pytest.mark.integration
@pytest.mark.parametrize("arguments", [["game.steps=1"], ["game.start=[0,0]", "game.steps=5"]])
def test_the_shortest_and_the_stillest_game(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    folder, _ = played(capsys, tmp_path, *arguments)
    assert {file.name for file in folder.iterdir()} == FILES


def test_technique_defaults_are_off_and_weights_are_the_games_own() -> None:
    (request,) = compose_jobs(["job=game", "game=dirac"])
    assert request.experiment == "game"
    assert request.config.technique.enabled() == []
    assert request.config.technique.historical_averaging.generator_weight == 1.0


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["job=game", "technique.feature_matching.enabled=true"], "technique.feature_matching.enabled=true"),
        (["job=game", "technique=our_methods"], "technique.label_smoothing.enabled=true"),
        (["job=game", "game.start=[1.0]"], "game.start"),
        (["job=game", "game.start=[1.0,.inf]"], "game.start"),
        (["job=game", "game.steps=0"], "game.steps=0"),
        (["job=game", "game.update=sideways"], "game.update=sideways"),
        (["job=game", "game=chess"], "game=chess"),
        (["game=dirac", "technique=none"], "job=game"),
        (["game.steps=5", "technique=none"], "job=game"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], names: str) -> None:
    with pytest.raises(UsageError, match=names.replace(".", r"\.")):
        compose_jobs(arguments)
