"""The four files, end to end, over whatever a folder holds."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import Maker, error_of, factorial, save_logits

from improved_gan.config import ReportConfig, UsageError
from improved_gan.report import make_report

ROWS = {
    "our_methods": 0.07,
    "minus_vbn": 0.08,
    "minus_l_plus_ha": 0.09,
    "minus_ls": 0.1,
    "minus_l": 0.12,
    "minus_mbf": 0.14,
}


def table3(maker: Maker, seeds: int = 3) -> None:
    """Six rows in the paper's order."""
    for row, value in ROWS.items():
        for seed in range(1, seeds + 1):
            error = value + 0.002 * (seed - 2)
            curve = list(error + 0.4 * np.exp(-np.arange(20) / 4))
            overrides = ("technique=our_methods", f"ablation={row}")
            folder = maker.run(
                f"{row}-{seed}", *overrides, seed=seed, metrics=error_of(error), curve=curve, pictures=True
            )
            save_logits(folder, seed, value)


def read(folder: Path) -> tuple[str, pd.DataFrame, str, str]:
    """Markdown, CSV, LaTeX, HTML."""
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "table.csv", "table.md", "table.tex"]
    csv = pd.read_csv(folder / "table.csv") if _holds(folder / "table.csv") else pd.DataFrame()
    return (
        (folder / "table.md").read_text(),
        csv,
        (folder / "table.tex").read_text(),
        (folder / "report.html").read_text(),
    )


def _holds(path: Path) -> bool:
    return bool(path.read_text().strip())


def test_table_3_beside_the_paper(maker: Maker, settings: ReportConfig) -> None:
    table3(maker)
    markdown, csv, latex, html = read(make_report(maker.root, settings))
    assert "| Our methods |" in markdown and "**7.00 ± 0.20**" in markdown and "8.09 ± 0.07" in markdown
    assert "Spearman 1.00 (95% interval" in markdown
    ours = csv[(csv["row"] == "Our methods") & (csv["metric"] == "test_error")].iloc[0]
    assert (ours["n"], ours["mean"], ours["sd"]) == (3, pytest.approx(0.07), pytest.approx(0.002))
    assert ours["values"].split() == ["0.068", "0.07", "0.072"] and ours["interval"] == "t"
    assert csv["metric"].str.contains("ensemble").sum() == 6
    assert r"\toprule" in latex and r"{}-VBN+BN" in latex and r"\textbf{7.00 $\pm$ 0.20}" in latex
    assert html.count("<figure><img") == 3 + 6  # differences, seeds, curves; a grid a row
    assert "improved-gan -m technique=our_methods ablation=minus_l seed=1,2,3" in html


def test_the_paper_stands_in_its_own_unit_beside_the_same_data(maker: Maker, settings: ReportConfig) -> None:
    overrides = ("experiment=mnist_table1",)
    for labels in (5, 10):
        for seed in (1, 2):
            value = (0.0221 if labels == 5 else 0.0093) + 0.0002 * seed
            words = (*overrides, f"dataset.labels_per_class={labels}", "dataset.label_seed=1")
            folder = maker.run(f"{labels}-{seed}", *words, seed=seed, metrics=error_of(value, samples=10000))
            save_logits(folder, seed, 0.02)
    markdown, csv, _, _ = read(make_report(maker.root, settings))
    assert "test error, errors of 10,000" in markdown
    assert "221 ± 136" in markdown and "142 ± 96" in markdown and "93 ± 6.5" in markdown
    assert csv["paper"].dropna().tolist() == [0.0221, 0.0093]


def test_what_others_published_for_the_same_labels_is_a_row_with_its_source(
    maker: Maker, settings: ReportConfig
) -> None:
    for labels in (5, 10):
        words = ("experiment=mnist_table1", f"dataset.labels_per_class={labels}")
        maker.run(f"labels-{labels}", *words, metrics=error_of(0.01, samples=10000))
    markdown, _, _, html = read(make_report(maker.root, settings))
    rows = [line for line in markdown.splitlines() if "arXiv" in line]
    assert rows[0] == "| Bad GAN | test error, of 10,000 | 79.5 ± 9.8 | 10 | arXiv 1705.09783, 2017 |"
    assert [row.split(" | ")[0] for row in rows[1:]] == ["| Ladder network", "| VAT", "| CatGAN"]
    assert html.count("arXiv 1705.09783") == 1


def test_full_factorial_finds_what_was_put_in(maker: Maker, settings: ReportConfig, tmp_path: Path) -> None:
    techniques = ("feature_matching", "minibatch_discrimination", "label_smoothing")
    factorial(tmp_path / "factorial", seeds=3, techniques=techniques)
    _, _, _, html = read(make_report(tmp_path / "factorial", settings))
    assert "What each technique does" in html and "feature matching × label smoothing" in html
    assert "the seeds (16 degrees of freedom)" in html


def test_a_factorial_under_way_says_what_is_missing(maker: Maker, settings: ReportConfig, tmp_path: Path) -> None:
    root = tmp_path / "factorial"
    factorial(root, seeds=2, techniques=("feature_matching", "minibatch_discrimination", "label_smoothing"))
    for folder in root.glob("run_007-*"):
        (folder / "summary.json").write_text('{"status": "running", "step": 5, "total_steps": 10}')
    markdown, _, _, html = read(make_report(root, settings))
    assert "factorial: 1 of 8 combinations" in markdown and "unfinished, 50% done; 2 running" in markdown
    assert "What each technique does" not in html


def test_unfinished_failed_and_scaled_rows_are_marked_and_kept_out_of_means(
    maker: Maker, settings: ReportConfig
) -> None:
    maker.run("a-1", seed=1, metrics=error_of(0.1), scaled=True, budget="cpu")
    maker.run("a-2", seed=2, metrics=error_of(0.2), scaled=True, budget="cpu")
    maker.run("a-3", seed=3, metrics=error_of(0.9), status="stopped")
    maker.run("b-1", "training.batch_size=50", metrics=error_of(0.3), status="failed", reason="<b>loss</b> became nan")
    markdown, csv, _, html = read(make_report(maker.root, settings))
    assert "15.0 ± 7.1" in markdown and "scaled (budget=cpu); 1 stopped" in markdown and "2 of 3" in markdown
    assert "so far 30.0" in markdown and "unfinished, 50% done; 1 failed" in markdown
    assert csv["so_far"].tolist() == [True, False] or csv["so_far"].tolist() == [False, True]
    assert "&lt;b&gt;loss&lt;/b&gt; became nan" in html and "<b>loss</b>" not in html


def test_unlike_measurements_are_never_averaged(maker: Maker, settings: ReportConfig) -> None:
    maker.run("a-1", seed=1, metrics=error_of(0.1))
    maker.run("a-2", seed=2, metrics=error_of(0.3, samples=100))
    markdown, csv, _, _ = read(make_report(maker.root, settings))
    assert "was measured in 2 ways" in markdown and "20.0" not in markdown
    assert sorted(csv["mean"].tolist()) == [0.1, 0.3]


def test_other_data_is_said_to_be_apart(maker: Maker, settings: ReportConfig) -> None:
    maker.run("a-1", metrics=error_of(0.1))
    maker.run("b-1", "experiment=mnist_table1", metrics=error_of(0.3))
    markdown, csv, _, html = read(make_report(maker.root, settings))
    assert "They are of 2 data sets" in markdown and "These runs are of 2 data sets" in html
    assert sorted(csv["data"]) == ["digits", "mnist"] and sorted(csv["mean"]) == [0.1, 0.3]


@pytest.mark.parametrize("content", ["nothing", "foreign", "unfinished", "unmeasured", "damaged"])
def test_a_folder_without_results_gets_a_report_that_says_so(
    maker: Maker, settings: ReportConfig, content: str
) -> None:
    expected = {"nothing": "No runs in", "foreign": "notes: no run", "unmeasured": "nothing was measured"}
    expected |= {"unfinished": "no finished run yet", "damaged": "summary.json cannot be read"}
    if content == "foreign":
        (maker.root / "notes").mkdir()
    if content in ("unfinished", "damaged"):
        folder = maker.run("a-1", status="running")
        if content == "damaged":
            (folder / "summary.json").write_text("{")
    if content == "unmeasured":
        maker.run("a-1")
    markdown, _, latex, html = read(make_report(maker.root, settings))
    assert expected[content] in markdown and "<html" in html and latex.strip()


def test_a_damaged_picture_is_said(maker: Maker, settings: ReportConfig) -> None:
    folder = maker.run("a-1", metrics=error_of(0.1), pictures=True)
    (folder / "samples" / "step_002000.png").write_bytes(b"\x89PNG half")
    _, _, _, html = read(make_report(maker.root, settings))
    assert "samples/step_002000.png cannot be read" in html and 'class="grid"' in html


def test_a_report_is_made_afresh_and_is_no_run_itself(maker: Maker, settings: ReportConfig) -> None:
    maker.run("a-1", metrics=error_of(0.1))
    first = make_report(maker.root, settings)
    assert make_report(maker.root, settings) == first == maker.root / "report"
    assert "1 run: 1 finished" in (first / "table.md").read_text()


def test_an_unknown_measure_is_refused_with_those_that_there_are(maker: Maker, settings: ReportConfig) -> None:
    maker.run("a-1", metrics=error_of(0.1))
    settings.metric = "inception_score"
    with pytest.raises(UsageError, match="inception_score: the runs hold test_error"):
        make_report(maker.root, settings)
    assert not (maker.root / "report").exists()


@pytest.mark.integration
def test_the_command(maker: Maker, command: Callable[..., list[str]]) -> None:
    maker.run("a-1", metrics=error_of(0.1))
    done = subprocess.run(command("job=report", f"run={maker.root}"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(maker.root / "report") and "10.00" in done.stdout


@pytest.mark.integration
@pytest.mark.parametrize("arguments", [["run=nowhere"], [], ["run=nowhere", "report.confidence=2"]])
def test_the_command_refuses_what_is_not_there(command: Callable[..., list[str]], arguments: list[str]) -> None:
    done = subprocess.run(command("job=report", *arguments), capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1


def test_what_is_unreliable_is_marked_wherever_it_stands(maker: Maker, settings: ReportConfig) -> None:
    for seed in (1, 2):
        score = {"value": 30.0 + seed, "samples": 500, "features": "inception-1", "reference_samples": 500}
        warning = {"warning": "unreliable: 500 images for 2048 features"}
        maker.run(f"run-{seed}", seed=seed, metrics={"frechet_inception_distance": score | warning})
    markdown, csv, latex, html = read(make_report(maker.root, settings))
    for text in (markdown, latex, html):
        assert "Fréchet inception distance (unreliable)" in text
    for text in (markdown, html):
        assert "Fréchet inception distance: unreliable: 500 images for 2048 features" in text
    assert csv["warning"].tolist() == ["unreliable: 500 images for 2048 features"]


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_plots_are_files_too_where_asked_for(maker: Maker, settings: ReportConfig, kind: str, start: bytes) -> None:
    table3(maker, seeds=2)
    settings.figures = kind
    figures = make_report(maker.root, settings) / "figures"
    assert sorted(path.name for path in figures.iterdir()) == [
        f"digits-curves.{kind}",
        f"digits-effects.{kind}",
        f"digits-seeds.{kind}",
    ]
    assert all(path.read_bytes().startswith(start) for path in figures.iterdir())
