"""The study `experiment=study/at_its_best` as a page, from the searches that have been collected so far.

    improved-gan -m experiment=study/at_its_best/ring budget=short
    python scripts/at_its_best.py collect outputs
    python scripts/at_its_best.py

`collect` copies what each row's search has found, unfinished ones too, to DATA SET/ROW.json in
docs/results/data/at_its_best. Without it, docs/results/at_its_best.md, its picture and a table of a data set's trials
are made from these files.
"""

import argparse
import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from at_its_best_page import document

from improved_gan.composing import compose_jobs
from improved_gan.files import atomic_write
from improved_gan.report.estimates import holm
from improved_gan.report.paired import PairedDifference, best_of, paired_difference

RESULTS = Path(__file__).parents[1] / "docs" / "results"
EXPERIMENT, PREFIX = "study/at_its_best", "at_its_best/"
DATA_SETS = ("ring", "digits", "grid")

Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collect", nargs="*", metavar="collect OUTPUTS", help="copy what lies in OUTPUTS")
    parser.add_argument("--kept", type=Path, default=RESULTS / "data" / "at_its_best", help="what was collected")
    parser.add_argument("--page", type=Path, default=RESULTS / "at_its_best.md", help="the page to write")
    asked = parser.parse_args()
    if asked.collect:
        if asked.collect[0] != "collect" or len(asked.collect) != 2:
            parser.error("give `collect OUTPUTS`, or nothing")
        return collect(Path(asked.collect[1]), asked.kept)
    rows = read_rows(asked.kept)
    if not rows:
        parser.error(f"nothing in {asked.kept}; `{parser.prog} collect OUTPUTS` brings it there")
    for data_set, members in rows.items():
        write_trials(asked.kept / f"{data_set}.csv", members)
    picture = asked.page.with_suffix(".png")
    draw(rows, picture)
    of_reals = {name: asked.kept / name / "real_data.json" for name in rows}
    reals = {name: json.loads(path.read_text()) for name, path in of_reals.items() if path.exists()}
    asked.page.write_text(document({name: judged(members) for name, members in rows.items()}, reals, picture.name))
    print(asked.page)
    return 0


def collect(outputs: Path, kept: Path) -> int:
    """Write a file for each row's search below `outputs`; of two of a row, the one with more trials stays."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    copied = 0
    for database in sorted(outputs.glob(f"{EXPERIMENT}/*/search/*/study.db")):
        row = row_of(database, optuna.load_study(study_name="search", storage=f"sqlite:///{database}"))
        if row is None:
            continue
        path = kept / row["data_set"] / f"{row['row']}.json"
        there = json.loads(path.read_text()) if path.exists() else None
        if there and _progress(there) > _progress(row):
            print(f"left out: {database.parent} (less than what is in {path})", file=sys.stderr)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write((json.dumps(row, indent=1) + "\n").encode())
        copied += 1
    for path in sorted(outputs.glob(f"{EXPERIMENT}/*/real_data-*/summary.json")):
        found = {name: metric["value"] for name, metric in json.loads(path.read_text())["metrics"].items()}
        target = kept / path.parents[1].name / "real_data.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{copied} searches copied to {kept}")
    return 0 if copied else 1


def _progress(row: Row) -> tuple[float, int, bool]:
    return row["seconds"], len(row["trials"]), row["confirmed"] is not None


def row_of(database: Path, study: Any) -> Row | None:
    """What the search in `database` has come to; None before its first trial has ended."""
    path = database.with_name("summary.json")
    if not path.exists():
        return None
    summary = json.loads(path.read_text())
    (request,) = compose_jobs([text for text in summary["overrides"] if text != "job=train"])
    wanted = request.config.search
    assert wanted is not None
    (ablation,) = (text for text in summary["overrides"] if text.startswith("ablation="))
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value,
            "values": trial.user_attrs.get("values"),
            "settings": trial.params,
            "beside": _means(trial.user_attrs.get("beside") or []),
            "reason": trial.user_attrs.get("reason"),
        }
        for trial in study.trials
        if trial.value is not None or "reason" in trial.user_attrs
    ]
    costs = wanted.step_milliseconds or {}
    return {
        "data_set": request.experiment.removeprefix(f"{EXPERIMENT}/"),
        "row": ablation.removeprefix(f"ablation={PREFIX}"),
        "budget": request.config.budget.name,
        "metric": wanted.metric,
        "wanted": wanted.trials,
        "search_seeds": wanted.seeds,
        "confirm_seeds": wanted.confirm_seeds,
        "seconds": wanted.seconds,
        "trials": trials,
        "best": summary["best"][0]["settings"] if summary["best"] else None,
        "step_milliseconds": _cost(costs, [*summary["overrides"], *summary["best"][0]["settings"]])
        if summary["best"]
        else None,
        "confirmed": summary["confirmed"],
    }


def _cost(costs: dict[str, float], words: list[str]) -> float:
    fitting = [entry for entry in costs if set(entry.split()) <= set(words)]
    return costs[max(fitting, key=len)]


def _means(runs: list[dict[str, float] | None]) -> dict[str, float]:
    found = defaultdict(list)
    for run in filter(None, runs):
        for name, value in run.items():
            found[name].append(value)
    return {name: fmean(values) for name, values in found.items()}


def read_rows(kept: Path) -> dict[str, list[Row]]:
    """The collected rows of each data set, in the study's order."""
    found = {}
    for data_set in DATA_SETS:
        if not (kept / data_set).is_dir():
            continue
        jobs = compose_jobs(["-m", f"experiment={EXPERIMENT}/{data_set}"])
        rows = []
        for job in jobs:
            (ablation,) = (text for text in job.overrides if text.startswith("ablation="))
            name, search = ablation.removeprefix(f"ablation={PREFIX}"), job.config.search
            assert search is not None
            path = kept / data_set / f"{name}.json"
            row = json.loads(path.read_text()) if path.exists() else {"row": name, "trials": [], "confirmed": None}
            rows.append(row | {"full": {"trials": search.trials, "seconds": search.seconds}})
        if any("budget" in row for row in rows):
            found[data_set] = rows
    return found


def judged(rows: list[Row]) -> list[Row]:
    """The rows with their scores and differences from `none`, whose p values Holm corrects within the data set."""
    confirmed = {row["row"]: row["confirmed"]["values"] for row in rows if row["confirmed"]}
    reference = confirmed.get("none")
    tested: list[PairedDifference | None] = []
    for row in rows:
        values = confirmed.get(row["row"])
        tested.append(paired_difference(values, reference) if values and reference and row["row"] != "none" else None)
    p_values = [each.p if each else 1.0 for each in tested]  # rows still to come count in Holm's family
    corrected = holm([None if row["row"] == "none" else p for row, p in zip(rows, p_values, strict=True)])
    return [
        row
        | {
            "difference": found,
            "p_holm": p,
            "score": _score(row),
            "beside": _means(row["confirmed"]["beside"]) if row["confirmed"] else {},
        }
        for row, found, p in zip(rows, tested, corrected, strict=True)
    ]


def _score(row: Row) -> tuple[float, float | None, int] | None:
    """Mean, standard deviation and number of the confirming runs that have a value."""
    values = [value for value in (row["confirmed"] or {"values": []})["values"] if value is not None]
    return (fmean(values), stdev(values) if len(values) > 1 else None, len(values)) if values else None


def trial_values(row: Row) -> list[float]:
    """A value for each of the row's trials in order; one that failed counts as its worst."""
    values = [trial["value"] for trial in row["trials"] if trial["value"] is not None]
    return [max(values) if trial["value"] is None else trial["value"] for trial in row["trials"]] if values else []


def write_trials(path: Path, rows: list[Row]) -> None:
    """Every trial of a data set: its row, setting and value."""
    keys = list(dict.fromkeys(key for row in rows for trial in row["trials"] for key in trial["settings"]))
    beside = list(dict.fromkeys(key for row in rows for trial in row["trials"] for key in trial["beside"]))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "trial", "state", "value", *beside, *keys, "reason"])
        for row in rows:
            for number, trial in enumerate(row["trials"], start=1):
                cells = [trial["beside"].get(name) for name in beside]
                shown = [_rounded(cell) for cell in [trial["value"], *cells, *map(trial["settings"].get, keys)]]
                writer.writerow([row["row"], number, trial["state"], *shown, trial["reason"]])


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def draw(rows: dict[str, list[Row]], path: Path) -> None:
    """The best that n trials are expected to find, a panel a data set, a line a row."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from improved_gan.report.plots import COLOURS, STYLE

    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.6 * len(rows)), layout="constrained")
        panels = np.atleast_1d(figure.subplots(len(rows), 1))
        for axes, (data_set, members) in zip(panels, rows.items(), strict=True):
            for place, row in enumerate(members):
                curve = best_of(trial_values(row))
                if curve:
                    line = "o-" if place < len(COLOURS) else "o--"
                    colour, label = COLOURS[place % len(COLOURS)], row["row"].replace("_", " ")
                    axes.plot(range(1, len(curve) + 1), curve, line, color=colour, label=label, ms=3)
            axes.set(title=data_set, xlabel="trials", ylabel="best score expected", yscale="log")
            if axes.lines:
                axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        figure.savefig(path, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
