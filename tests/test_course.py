"""The course as a notebook: it runs, and is stored without what it gave."""

import time
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "course.ipynb"


def test_the_notebook_is_stored_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.slow
def test_the_notebook_runs_from_first_to_last_cell_within_ten_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND")  # the other tests' own, which shows no pictures
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    started = time.monotonic()
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert time.monotonic() - started < 600
    pictures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 7  # two games, the ring, its losses, gradient, optimal D, three families


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(NOTEBOOK.parents[1] / "scripts"))


@pytest.mark.integration
def test_the_game_is_handed_in_and_lies_in_its_bands(
    scripts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import check_submission
    import course

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["course.py", "--only", "game", "--seed", "11"])
    course.main()
    page = (tmp_path / "submission.html").read_text()
    assert page.count("<img") == 2 and "improved-gan job=game game.update=optimistic" in page and "Seed 11" in page
    capsys.readouterr()
    check_submission.main([str(tmp_path / "submission.html")])
    lines = capsys.readouterr().out.splitlines()
    of_game = [line for line in lines if line.startswith("game:")]
    assert len(of_game) == 2 and all(" in " in line for line in of_game)


def test_a_value_outside_its_band_and_a_missing_one_are_named(scripts: None) -> None:
    import check_submission

    bands = {"exercises": {"ring": {"values": {"modes, 1 to 1": [7, 8], "modes, 5 to 1": [0, 1]}}}}
    handed_in = {"exercises": {"ring": {"values": {"modes, 1 to 1": 3}}}}
    assert list(check_submission.compared(handed_in, bands)) == [
        (False, "ring: modes, 1 to 1: 3 OUTSIDE 6.5 to 8.5"),
        (False, "ring: modes, 5 to 1: missing"),
    ]


def test_a_page_that_is_no_submission_is_refused(
    scripts: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import check_submission

    (tmp_path / "page.html").write_text("<p>Look at my GAN.</p>")
    assert check_submission.main([str(tmp_path / "page.html")]) == 2
    assert "is no page of `make course`" in capsys.readouterr().err
