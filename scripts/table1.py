"""Table 1 (MNIST, test errors of 10,000 images) from finished runs, which docs/results/data/table1 keeps.

    .venv/bin/improved-gan -m experiment=mnist_table1 seed=1,2,3
    .venv/bin/python scripts/table1.py collect outputs/mnist_table1
    .venv/bin/python scripts/table1.py

`collect` copies what the table needs of each finished run: config and summary without this machine's paths, the test
error of each epoch, and the test logits in half precision (some 150 kB). Without it, docs/results/table1.md and
table1.png are made from what has been collected; where IMPROVED_GAN_DATA holds mnist.npz also table1_errors.png, the
test images of the mistake that the runs differ in.
Runs of one labelled subset (dataset.label_seed) and several seeds make an ensemble.
"""

import argparse
import dataclasses
import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import yaml
from table1_curves import draw_curves
from table1_errors import answers_of, draw_misread, explained, most_unequal

from improved_gan.composing import affects_result, compose_jobs
from improved_gan.report.discovery import read_runs
from improved_gan.report.ensembles import Ensemble, ensembles
from improved_gan.report.others import others_of
from improved_gan.report.page import commands_of
from improved_gan.report.runs import Run, flat
from improved_gan.run_folder import RunFolder

RESULTS = Path(__file__).parents[1] / "docs" / "results"
VARIES = ("seed", "dataset.labels_per_class", "dataset.label_seed")  # from run to run of the table
CLASSES, TEST_IMAGES = 10, 10_000
EXPLAINED = 100  # labels of the runs whose mistakes are compared
PLACES = ("output_root", "data_root", "device", "tracking.")  # of the machine: in no committed command
Difference = tuple[tuple[str, Any, Any], ...]  # key, value, the experiment's value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kept", type=Path, default=RESULTS / "data" / "table1", help="where collected runs lie")
    parser.add_argument("--table", type=Path, default=RESULTS / "table1.md", help="the file to write")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("collect", help="copy what the table needs of finished runs").add_argument("outputs", type=Path)
    asked = parser.parse_args(arguments)
    if asked.command == "collect":
        if not asked.outputs.is_dir():
            parser.error(f"{asked.outputs} is no folder of runs")
        return collect(asked.outputs, asked.kept)
    problems: list[str] = []
    runs = [run for run in read_runs(asked.kept).runs if run.finished and error_of(run) is not None]
    if not runs:
        parser.error(f"no finished runs in {asked.kept}; `{parser.prog} collect OUTPUTS` brings them there")
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    picture = asked.table.with_suffix(".png")
    drawn = draw_curves([(_name(run), run) for run in runs], _published(runs), picture)
    explanations = explain(runs, asked.table.with_name(f"{asked.table.stem}_errors.png"))
    asked.table.write_text(document(runs, problems, picture.name if drawn else None, explanations))
    print("\n".join([*problems, *explanations, str(asked.table)]))
    return 0


def error_of(run: Run) -> float | None:
    """The final test error of a run, as a share."""
    return next((value for (name, _), value in run.metrics.items() if name == "test_error"), None)


def labels_of(run: Run) -> int | None:
    """Labelled images of all classes together; none: all 60,000."""
    per_class = run.settings.get("dataset.labels_per_class")
    return None if per_class is None else CLASSES * int(per_class)


def collect(outputs: Path, kept: Path) -> int:
    """Copy finished MNIST runs below `outputs` to `kept`/labels_N/subset_N/seed_N; of two alike the longer stays."""
    copied = 0
    for run in read_runs(outputs).runs:
        if not run.finished or run.settings.get("dataset.name") != "mnist" or error_of(run) is None:
            print(f"left out: {run.name} ({run.status}, {run.settings.get('dataset.name')})", file=sys.stderr)
            continue
        subset, seed = run.settings["dataset.label_seed"], run.settings["seed"]
        folder = kept / f"labels_{labels_of(run) or 'all'}" / f"subset_{subset}" / f"seed_{seed}"
        there = read_runs(folder).runs if folder.is_dir() else []
        if there and (there[0].step or 0) > (run.step or 0):
            print(f"left out: {run.name} (shorter than what is in {folder})", file=sys.stderr)
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _copy(run.folder, folder)
        copied += 1
    print(f"{copied} runs copied to {kept}")
    return 0 if copied else 1


def _copy(source: Path, target: Path) -> None:
    config = yaml.safe_load((source / "config.yaml").read_text())
    config |= {"output_root": "outputs", "data_root": "data"}
    (target / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    summary = json.loads((source / "summary.json").read_text())
    summary["overrides"] = [text for text in summary["overrides"] if not text.startswith(PLACES)]
    (target / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    errors = [
        {key: line[key] for key in ("step", "epoch", "test_error")}
        for line in RunFolder(source).metrics()
        if "test_error" in line
    ]
    (target / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in errors))
    if (source / "test_logits.npz").exists():
        with np.load(source / "test_logits.npz", allow_pickle=False) as stored:
            logits, labels = stored["logits"], stored["labels"]
        # Less their largest: no probability changes, and half precision is finest near zero.
        small = np.maximum(logits - logits.max(axis=1, keepdims=True), -1000).astype(np.float16)
        np.savez_compressed(target / "test_logits.npz", logits=small, labels=labels.astype(np.uint8))


def differences(run: Run) -> Difference:
    """In what a run is not as `experiment=mnist_table1` has it: scaled down, say."""
    (request,) = compose_jobs(["experiment=mnist_table1"])
    wanted = dict(flat(dataclasses.asdict(request.config)))
    decisive = [key for key in wanted if affects_result(key)]
    return tuple(
        (key, run.settings[key], wanted[key])
        for key in decisive
        if key in run.settings and key not in VARIES and run.settings[key] != wanted[key]
    )


def explain(runs: Sequence[Run], picture: Path) -> list[str]:
    """Paragraphs on the mistake that the runs of 100 labels differ in, and its picture where the images are at hand."""
    alike = [run for run in runs if labels_of(run) == EXPLAINED]
    answers = answers_of(
        [(f"subset {run.settings['dataset.label_seed']}, seed {run.settings['seed']}", run) for run in alike]
    )
    found = most_unequal(answers)
    if found is None:
        return []
    published = _figure(alike[0], ensemble=False)
    text = explained(found, list(answers), None if published is None else published["value"])
    data = Path(os.environ.get("IMPROVED_GAN_DATA", "data")) / "mnist.npz"
    if data.exists():
        with np.load(data, allow_pickle=False) as stored:
            if all(np.array_equal(true, stored["y_test"]) for _, true in answers.values()):
                draw_misread(answers, found, stored["x_test"], picture)
    shown = f"![{found.true}s read as {found.read}, and {found.true}s read right]({picture.name})"
    return [text, shown] if picture.exists() else [text]


def _name(run: Run) -> str:
    return (
        f"{labels_of(run) or 60_000} labels, subset {run.settings['dataset.label_seed']}, seed {run.settings['seed']}"
    )


def document(runs: Sequence[Run], problems: list[str], picture: str | None, explanations: Sequence[str]) -> str:
    """The Markdown of the table; runs of unlike settings or data are rows of their own."""
    rows: dict[tuple[int, Difference, str | None], list[Run]] = defaultdict(list)
    for run in runs:
        rows[labels_of(run) or 60_000, differences(run), run.checksum].append(run)
    notes = list(dict.fromkeys(key[1] for key in rows if key[1]))
    lines = []
    for (labels, difference, _), members in sorted(rows.items(), key=lambda row: (row[0][0], str(row[0][1]))):
        mark = f" [{notes.index(difference) + 1}]" if difference else ""
        together = ensembles(members, problems)
        subsets = len({run.settings.get("dataset.label_seed") for run in members})
        cells = [f"{labels:,}{mark}", f"{len(members)} ({subsets} label subset{'s' if subsets > 1 else ''})"]
        cells += [_single(members), _ensemble(together), _paper(members[0], False), _paper(members[0], True)]
        lines.append(f"| {' | '.join(cells)} |")
    remarks = [f"[{number}] not the experiment's own: {_words(note)}." for number, note in enumerate(notes, start=1)]
    if not notes:
        remarks = ["All runs are of the experiment's own settings, none scaled."]
    if picture:
        remarks.append(f"![Test error after each epoch]({picture})")
    remarks += explanations
    remarks += _others(runs)
    steps = sorted({run.step for run in runs if run.step})
    return f"""# Table 1: MNIST with few labels

Wrong answers on the {TEST_IMAGES:,} test images, permutation-invariant MNIST, feature matching: mean ± standard
deviation over finished runs (over label subsets for ensembles, of as many models as are named).
Made by `scripts/table1.py` from the summaries in `docs/results/data/table1`;
runs of {" and ".join(f"{step:,}" for step in steps)} steps.

| labels | runs | single | ensemble | paper single | paper ensemble |
|---|---|---|---|---|---|
{chr(10).join(lines)}

{(chr(10) * 2).join(remarks)}

```bash
{chr(10).join(commands_of(runs))}
python scripts/table1.py collect outputs
python scripts/table1.py
```
"""


def _others(runs: Sequence[Run]) -> list[str]:
    """What other publications print, as today's experiment names them."""
    (request,) = compose_jobs(["experiment=mnist_table1"])
    assert request.config.paper is not None
    paper = dataclasses.asdict(request.config.paper)
    found = others_of([dataclasses.replace(run, paper=paper) for run in runs])
    lines = [
        f"| {CLASSES * int(each['labels a class'])} | {each['method']} | {each['value']} | {each['source']} |"
        for each in found
    ]
    head = ["Published since the paper or before it:", "", "| labels | method | errors | source |", "|---|---|---|---|"]
    return ["\n".join([*head, *lines])] if lines else []


def _words(difference: Difference) -> str:
    return ", ".join(f"`{key}={_written(ours)}` instead of {_written(own)}" for key, ours, own in difference)


def _written(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _spread(values: Sequence[float]) -> str:
    """Errors of 10,000 from shares: mean ± standard deviation."""
    counts = [value * TEST_IMAGES for value in values]
    return f"{mean(counts):.1f}" + (f" ± {stdev(counts):.1f}" if len(counts) > 1 else "")


def _single(members: Sequence[Run]) -> str:
    errors = [error for run in members if (error := error_of(run)) is not None]
    definitions = [dict(how) for run in members for (name, how) in run.metrics if name == "test_error"]
    judged = {how.get("samples") for how in definitions}
    fewer = "" if judged == {TEST_IMAGES} else f" (judged on {', '.join(map(str, judged))} images)"
    return _spread(errors) + fewer


def _ensemble(together: Sequence[Ensemble]) -> str:
    if not together:
        return "–"
    models = " or ".join(str(count) for count in sorted({each.models for each in together}))
    return f"{_spread([each.value for each in together])} ({models} models)"


def _paper(run: Run, ensemble: bool) -> str:
    """The paper's figure, of its ten models where it is an ensemble's."""
    figure = _figure(run, ensemble)
    return "–" if figure is None else f"{figure['value']:g} ± {figure['error']:g}"


def _published(runs: Sequence[Run]) -> dict[str, tuple[float, float]]:
    """The paper's single models, as shares of the test images: least and most within one deviation, by their names."""
    figures = {labels_of(run): figure for run in runs if (figure := _figure(run, ensemble=False))}
    return {
        f"the paper, {labels} labels": tuple((figure["value"] + k * figure["error"]) / TEST_IMAGES for k in (-1, 1))
        for labels, figure in figures.items()
    }


def _figure(run: Run, ensemble: bool) -> dict[str, Any] | None:
    for figure in (run.paper or {}).get("results") or []:
        labels = figure.get("labels_per_class") == run.settings.get("dataset.labels_per_class")
        if figure["metric"] == "test_error" and labels and bool(figure.get("ensemble")) == ensemble:
            return dict(figure)
    return None


if __name__ == "__main__":
    sys.exit(main())
