"""scripts/table1.py: from folders of runs to what is kept of them, and from that to the table."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from made_runs import Maker, error_of, save_logits
from matplotlib.axes import Axes

from improved_gan.report.discovery import read_runs
from improved_gan.report.ensembles import ensembles

SCRIPT = Path(__file__).parents[2] / "scripts" / "table1.py"
sys.path.append(str(SCRIPT.parent))
spec = importlib.util.spec_from_file_location("table1", SCRIPT)
assert spec is not None and spec.loader is not None
table1 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table1)


def mnist_run(maker: Maker, labels: int, subset: int, seed: int, error: float, *more: str, **summary: object) -> Path:
    overrides = ("experiment=mnist_table1", f"dataset.labels_per_class={labels}", f"dataset.label_seed={subset}", *more)
    measured = error_of(error, 10_000, weights="averaged")
    name = f"run-{labels}-{subset}-{seed}{''.join(more)}"
    folder = maker.run(name, *overrides, seed=seed, metrics=measured, **summary)  # type: ignore[arg-type]
    save_logits(folder, 10 * subset + seed, 0.2)
    return folder


@pytest.fixture
def runs(maker: Maker) -> Path:
    for subset in (1, 2):
        for seed in (1, 2, 3):
            mnist_run(maker, 10, subset, seed, 0.0080 + 0.0005 * seed + 0.0010 * subset)
    mnist_run(maker, 2, 1, 1, 0.15)
    mnist_run(maker, 5, 1, 1, 0.02, "training.epochs=40")
    mnist_run(maker, 20, 1, 1, 0.009, status="stopped")
    maker.run("digits", seed=1, metrics=error_of(0.1))
    return maker.root


def test_what_is_collected_makes_the_same_table_everywhere(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, table = tmp_path / "kept", tmp_path / "results" / "table1.md"
    places = ["--kept", str(kept), "--table", str(table)]
    assert table1.main([*places, "collect", str(runs)]) == 0
    said = capsys.readouterr()
    assert "8 runs copied" in said.out
    assert "digits (finished, digits)" in said.err and "(stopped, mnist)" in said.err
    one = kept / "labels_100" / "subset_2" / "seed_3"
    assert {path.name for path in one.iterdir()} == {"config.yaml", "summary.json", "metrics.jsonl", "test_logits.npz"}
    assert table1.main(places) == 0
    lines = [line for line in table.read_text().splitlines() if line.startswith("| ")]
    assert lines[0] == "| labels | runs | single | ensemble | paper single | paper ensemble |"
    assert lines[1] == "| 20 | 1 (1 label subset) | 1500.0 | – | 1677 ± 452 | 1134 ± 445 |"
    assert lines[2].startswith("| 50 [1] | 1 (1 label subset) | 200.0 | – | 221 ± 136 |")
    errors = [100 + 5 * (seed - 1) + 10 * (subset - 1) - 5 for subset in (1, 2) for seed in (1, 2, 3)]
    assert f"| 100 | 6 (2 label subsets) | {np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} |" in lines[3]
    assert "(3 models) | 93 ± 6.5 | 86 ± 5.6 |" in lines[3]
    assert "[1] not the experiment's own: `training.epochs=40` instead of 300." in table.read_text()
    assert (
        "improved-gan -m experiment=mnist_table1 dataset.labels_per_class=10 dataset.label_seed=1" in table.read_text()
    )
    assert table1.main([*places, "collect", str(runs)]) == 0  # again changes nothing
    before = table.read_text()
    assert table1.main(places) == 0 and table.read_text() == before


def test_the_error_of_each_epoch_is_kept_and_drawn(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist_run(maker, 10, 2, 3, 0.01, curve=[0.3, 0.1, 0.02, 0.01])
    table, drawn = tmp_path / "table1.md", []
    places = ["--kept", str(tmp_path / "kept"), "--table", str(table)]
    table1.main([*places, "collect", str(maker.root)])
    plot = Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda *given, **how: drawn.append((given, how["label"])) or plot(*given, **how))
    assert table1.main(places) == 0
    assert "![Test error after each epoch](table1.png)" in table.read_text()
    assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    (_, _, errors), label = drawn[0]
    assert label == "100 labels, subset 2, seed 3" and errors == (0.3, 0.1, 0.02, 0.01)


def _answering(folder: Path, answers: list[int]) -> None:
    logits = np.full((4, 10), -5.0, np.float32)
    logits[np.arange(4), answers] = 0
    np.savez(folder / "test_logits.npz", logits=logits, labels=np.array([9, 9, 9, 3]))


def test_the_mistake_that_the_runs_differ_in_is_told_and_drawn(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, answers in ((1, [9, 9, 9, 5]), (2, [8, 9, 9, 5]), (3, [8, 8, 9, 5])):
        _answering(mnist_run(maker, 10, seed, seed, 0.01), answers)
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_test=images, y_test=np.array([9, 9, 9, 3], np.uint8))
    monkeypatch.setenv("IMPROVED_GAN_DATA", str(tmp_path))
    table = tmp_path / "table1.md"
    places = ["--kept", str(tmp_path / "kept"), "--table", str(table)]
    table1.main([*places, "collect", str(maker.root)])
    assert table1.main(places) == 0
    text = table.read_text()
    assert "9s read as 8: 0, 1 and 2 of 1, 2 and 3 errors" in text
    assert "Without them 1, 1 and 1 are left, 1.0 in the mean, where the paper has 93 errors in all" in text
    assert "They are 2 images, 1 of which more than one run misreads so." in text
    assert "(table1_errors.png)" in text
    assert (tmp_path / "table1_errors.png").read_bytes().startswith(b"\x89PNG")


def test_the_kept_logits_make_the_same_ensembles(runs: Path, tmp_path: Path) -> None:
    table1.main(["--kept", str(tmp_path / "kept"), "collect", str(runs)])

    def errors(root: Path) -> dict[object, int]:
        members = [run for run in read_runs(root).runs if table1.labels_of(run) == 100]
        return {each.label_seed: each.errors for each in ensembles(members, [])}

    assert errors(tmp_path / "kept") == errors(runs) and len(errors(runs)) == 2


def test_no_path_of_the_machine_is_kept(maker: Maker, tmp_path: Path) -> None:
    folder = mnist_run(maker, 10, 1, 1, 0.01)
    summary = json.loads((folder / "summary.json").read_text())
    summary["overrides"] += ["output_root=/home/someone/outputs", "data_root=/data", "device=cuda:3"]
    (folder / "summary.json").write_text(json.dumps(summary))
    config = (folder / "config.yaml").read_text().replace("output_root: outputs", "output_root: /home/someone/outputs")
    (folder / "config.yaml").write_text(config)
    table1.main(["--kept", str(tmp_path / "kept"), "collect", str(maker.root)])
    kept = "".join(path.read_text() for path in (tmp_path / "kept").rglob("*.[jy][sa]*"))
    assert "seed=1" in kept and "someone" not in kept and "/data" not in kept and "cuda:3" not in kept


def test_the_longer_of_two_runs_stays(maker: Maker, tmp_path: Path) -> None:
    mnist_run(maker, 10, 1, 1, 0.02, steps=500)
    long = mnist_run(maker, 10, 1, 1, 0.01, "training.epochs=400", steps=2000)
    table1.main(["--kept", str(tmp_path / "kept"), "collect", str(long)])
    table1.main(["--kept", str(tmp_path / "kept"), "collect", str(maker.root)])
    (run,) = read_runs(tmp_path / "kept").runs
    assert run.step == 2000


@pytest.mark.parametrize("arguments", [["collect", "/nowhere"], ["--kept", "/nowhere"]])
def test_nothing_to_do_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        table1.main(arguments)
    assert ended.value.code == 2 and "error: " in capsys.readouterr().err
