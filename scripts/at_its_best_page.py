"""The words and tables of docs/results/at_its_best.md, from the judged rows of each data set."""

from typing import Any

from improved_gan.report.paired import share_near_best

Row = dict[str, Any]
SCORES = {
    "sliced_wasserstein": "sliced Wasserstein distance",
    "frechet_classifier_distance": "Fréchet classifier distance",
}
SHORT = {
    "training.generator_learning_rate": "G",
    "training.discriminator_learning_rate": "D",
    "training.optimizer.beta1": "β1",
    "training.generator_steps": "G steps",
    "training.learning_rate_decay_start": "decay from",
    "technique.historical_averaging.generator_weight": "G weight",
    "technique.historical_averaging.discriminator_weight": "D weight",
}
NOT_SHOWN = ("training.steps", "metrics.step_interval")


def document(data_sets: dict[str, list[Row]], reals: dict[str, dict[str, float]], picture: str) -> str:
    """The whole page; `reals` are the measures of real points in the samples' place, where they were taken."""
    budgets = sorted({row["budget"] for rows in data_sets.values() for row in rows if "budget" in row})
    commands = "\n".join(
        f"improved-gan -m experiment=study/at_its_best/{name}"
        + ("" if budgets == ["paper"] else f" budget={_first(rows)['budget']}")
        for name, rows in data_sets.items()
    )
    commands += "".join(
        f"\nimproved-gan experiment=study/at_its_best/{name} job=train search=none ablation=real_data" for name in reals
    )
    sections = "\n\n".join(_section(name, rows, reals.get(name)) for name, rows in data_sets.items())
    return f"""# Every technique at its best

Each technique is tuned with as many trials as the others, "none" too, and the setting that is best on the search's
seeds is run on seeds that chose nothing. The tables' figures are of these last runs alone.

```bash
{commands}
python scripts/at_its_best.py collect outputs
python scripts/at_its_best.py
```

- Score: the mean over the last quarter of training (8 or 9 measurements), lower is better; a run's end alone is
  a matter of luck. Modes, modes held (by half an even share of all samples or more) and high quality are means over it
  as well.
- Every run costs the same: its steps are the cap over what a step of its setting costs, both in the experiment's file.
- "None" is tuned in the players' rates, β1, generator steps a step (1, 5) and when rates begin to fall; each technique
  in these and its own. The first trial of each row is the setting that the [pages on mode
  collapse](../phenomena/mode_collapse.md) had guessed; the others are Optuna's (random, from the tenth on TPE).
- Difference: from tuned "none", paired by seed, with Student's 95% interval; p: exact sign-flip test, then Holm's
  correction over a data set's rows, those still to come counted as p = 1. A seed whose run failed is left out of the
  pairs, and counted.
- Near best: the share of a row's trials within 10% of its best; high where the choice of setting matters little.
- Every trial is in `docs/results/data/at_its_best/DATA SET.csv`.

{sections}

## How good the best of n trials is

![The best score to be expected of n trials, for each row]({picture})

## What can and cannot be said

{_limits(data_sets)}
"""


def _first(rows: list[Row]) -> Row:
    return next(row for row in rows if "budget" in row)


def _section(name: str, rows: list[Row], reals: dict[str, float] | None) -> str:
    first = _first(rows)
    finished = [row for row in rows if row["confirmed"]]
    title = name.replace("_", " ").replace("mnist", "MNIST")
    full = first["full"]
    cut = "" if first["budget"] == "paper" else f", where the file has {full['trials']} trials of {full['seconds']:g} s"
    run = (
        f"{first['wanted']} trials a row of {first['seconds']:g} s of one core a run on seeds "
        f"{', '.join(map(str, first['search_seeds']))}{cut}; confirmed on {len(first['confirm_seeds'])} other seeds"
    )
    images = first["metric"] != "sliced_wasserstein"
    head = ["row", "score", "difference from none", "p", "Holm", "modes"]
    head += [] if images else ["held", "high quality, %"]
    head += ["ms a step", "guess, tuned*", "near best", "chosen setting"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 2)}---|"]
    lines += [f"| {' | '.join(_cells(row, images))} |" for row in rows]
    floor = ""
    if reals is not None:
        cells = ["*real points*", f"{reals[first['metric']]:.3g}", "", "", ""]
        cells += [f"{reals['modes_captured']:.1f}", f"{reals['modes_held']:.1f}"]
        cells += [f"{100 * reals['high_quality_fraction']:.0f}", "", "", "", ""]
        lines.append(f"| {' | '.join(cells)} |")
        floor = (
            "\n\nReal points score that much against as many others: rows near it are as good as this score can tell,\n"
            "and high quality, which was not searched for, says more of them."
        )
    table = "\n".join(lines)
    return f"""## {title[0].upper()}{title[1:]}

Score: {SCORES.get(first["metric"], first["metric"])}. budget={first["budget"]}, fixed before the first run: {run}.
{len(finished)} of {len(rows)} rows are finished.

{table}

\\* the guessed and the chosen setting, both on the search's seeds, which flatter the latter.{floor}"""


def _cells(row: Row, images: bool) -> list[str]:
    name = row["row"].replace("_", " ")
    if not row["confirmed"]:
        done = f"{len(row['trials'])} of {row['wanted']} trials" if row["trials"] else "not begun"
        return [name, f"*{done}*", *[""] * (8 if images else 10)]
    difference, beside = row["difference"], row["beside"]
    cells = [name, _spread(row["score"], len(row["confirmed"]["seeds"]))]
    if difference is None:
        cells += ["", "", ""]
    else:
        span = "" if difference.low is None else f" ({difference.low:+.3g} to {difference.high:+.3g})"
        cells += [f"{difference.mean:+.3g}{span}", _p(difference.p), _p(row["p_holm"])]
    cells.append(f"{beside['modes_captured']:.1f}" if "modes_captured" in beside else "")
    if not images:
        cells += [f"{beside['modes_held']:.1f}", f"{100 * beside['high_quality_fraction']:.0f}"]
    values = [trial["value"] for trial in row["trials"] if trial["value"] is not None]
    guess = row["trials"][0]["value"]
    cells += [
        f"{row['step_milliseconds']:.3g}",
        f"{'failed' if guess is None else f'{guess:.3g}'}, {min(values):.3g}",
        f"{100 * share_near_best(values) * len(values) / len(row['trials']):.0f}%",
        chosen(row["best"]),
    ]
    return cells


def chosen(settings: list[str]) -> str:
    """A setting in few words."""
    parts = []
    for text in settings:
        key, _, value = text.partition("=")
        if key not in NOT_SHOWN:
            label = SHORT.get(key, key.rpartition(".")[2].replace("_", " "))
            parts.append(f"{label} {_short(value)}")
    return ", ".join(parts)


def _short(value: str) -> str:
    try:
        return f"{float(value):.2g}"
    except ValueError:
        return value


def _spread(score: tuple[float, float | None, int] | None, seeds: int) -> str:
    if score is None:
        return "all failed"
    mean, deviation, count = score
    failed = f" ({seeds - count} failed)" if count < seeds else ""
    return f"{mean:.3g}" + (f" ± {deviation:.2g}" if deviation is not None else "") + failed


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _limits(data_sets: dict[str, list[Row]]) -> str:
    found = [_told_apart(name, rows) for name, rows in data_sets.items() if any(row["difference"] for row in rows)]
    return "\n\n".join([*found, LIMITS])


def _told_apart(data_set: str, rows: list[Row]) -> str:
    """Which rows of a data set differ from tuned none, in a sentence."""
    told = [row for row in rows if row["difference"] is not None]
    words, open_rows = [], len(told)
    for word, sign in (("better", -1), ("worse", 1)):
        sure = [row for row in told if row["p_holm"] < 0.05 and sign * row["difference"].mean > 0]
        if sure:
            names = ", ".join(row["row"].replace("_", " ") for row in sure)
            words.append(f"{names} {'are' if len(sure) > 1 else 'is'} {word} than tuned none")
        open_rows -= len(sure)
    if open_rows:
        words.append(f"of {'the other ' if words else ''}{open_rows} no difference is established")
    missing = len(rows) - 1 - len(told)
    late = f" {missing} rows are still to come; the correction counts them in." if missing else ""
    return f"On {data_set.replace('_', ' ')}: {'; '.join(words)} (at 5%, after Holm).{late}"


LIMITS = """A row says what a technique is worth to somebody who can afford these trials at this cost a run, not what
the best imaginable setting would give. Few trials favour what has little to tune: "none" has five settings, historical
averaging and minibatch discrimination seven. Equal cost favours what is cheap a step: unrolling makes far fewer steps
than none. A difference that is not established is no evidence that there is none. The networks are small and dense,
the data small or toys: nothing here says how the techniques compare on natural images."""
