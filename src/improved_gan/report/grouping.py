"""Which runs may be averaged, and which may stand in one table: by what differs in their resolved configs.

Runs of different data never share a table. In a table, runs that differ in nothing but their seeds make a row. A value
goes into the column of its metric *and* definition (how many images, which split, network, ...): what was measured
differently stands in different columns, so it is neither averaged nor compared.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from improved_gan.composing import affects_result
from improved_gan.report.columns import Column, columns_of
from improved_gan.report.runs import Run

SEEDS = ("seed", "dataset.label_seed")  # repetitions: what a row is averaged over
DATA = ("name", "source", "path", "image_shape", "classes", "validation_images")  # of the dataset node: what data it is
CHOSEN_WHOLE = ("objective", "architecture", "training.optimizer")  # nodes that a row's name tells as one
ABSENT = "absent"  # of a key that another version's config has not
OFF = "–"  # of a key of a technique that is off: it decides nothing


@dataclass
class Row:
    """Runs that differ in nothing but seeds, or are copies of one another (then the newest counts)."""

    label: str
    levels: tuple[Hashable, ...]  # of the table's factors
    runs: list[Run]
    paper: dict[str, Any] | None = None

    @property
    def finished(self) -> list[Run]:
        return [run for run in self.runs if run.finished]

    @property
    def counted(self) -> list[Run]:
        """What the row stands on: its finished runs, and only where there are none, the others as far as they got."""
        return self.finished or self.runs

    @property
    def scaled(self) -> str:
        """Names of the budgets that made its runs smaller than the experiment; empty if none did."""
        return ", ".join(sorted({run.scaled for run in self.runs if run.scaled}))


@dataclass
class Table:
    """Rows over the same data, the factors that tell them apart, and the columns of what was measured."""

    title: str
    rows: list[Row]
    factors: list[str]
    columns: list[Column]
    follows: dict[str, list[str]] = field(default_factory=dict)  # factor -> keys that change with it and only with it
    notes: list[str] = field(default_factory=list)


def tables_of(runs: Sequence[Run], metric: str | None) -> list[Table]:
    """One table for each data set, largest first; `metric` is the metric of the first column, where it is there."""
    by_data: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        by_data[(*(run.settings.get(f"dataset.{key}", ABSENT) for key in DATA), run.checksum)].append(run)
    titles = _data_titles(list(by_data))
    groups = sorted(zip(titles, by_data.values(), strict=True), key=lambda group: -len(group[1]))
    return [_table(title, group, metric) for title, group in groups]


def _data_titles(data: list[Any]) -> list[str]:
    """The data sets' names, told apart by whatever differs where two share one."""
    titles = []
    for values in data:
        twins = [other for other in data if other[0] == values[0] and other is not values]
        keys = (*DATA, "checksum")
        marks = [
            f"{key} {_value_words(value)}"
            for position, (key, value) in enumerate(zip(keys, values, strict=True))
            if any(other[position] != value for other in twins)
        ]
        titles.append(f"{values[0]} ({', '.join(marks)})" if marks else str(values[0]))
    return titles


def _table(title: str, runs: list[Run], metric: str | None) -> Table:
    differing = [key for key in differing_keys(r.settings for r in runs) if len({_level(r, key) for r in runs}) > 1]
    factors, follows = _independent(differing, runs)
    by_levels: dict[tuple[Hashable, ...], list[Run]] = defaultdict(list)
    for run in runs:
        by_levels[tuple(_level(run, key) for key in differing)].append(run)
    table = Table(title, [], factors, columns_of(runs, metric), follows)
    for group in by_levels.values():
        levels = tuple(_level(group[0], key) for key in factors)
        row = Row("", levels, _without_copies(group, table.notes))
        papers = {str(run.paper): run.paper for run in row.runs if run.paper}
        row.paper = next(iter(papers.values()), None)
        if len(papers) > 1:
            table.notes.append(f"{row.runs[0].name}: its runs name different rows of the paper; the first is shown")
        table.rows.append(row)
    _label(table, {key: _told_besides(key, follows[key], runs) for key in factors})
    return table


def _level(run: Run, key: str) -> Hashable:
    node, _, name = key.rpartition(".")
    off = node.startswith("technique.") and name != "enabled" and run.settings.get(f"{node}.enabled") is False
    return OFF if off and key in run.settings else run.settings.get(key, ABSENT)


def _told_besides(key: str, others: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """Words for those of `others`, which change with `key`, that a row's name must tell: no copies, not its own."""
    node = key.rpartition(".")[0]
    told: dict[tuple[Hashable, ...], str] = {tuple(_level(run, key) for run in runs): ""}  # by values: a copy has equal
    for other in others:
        if not (node.startswith("technique.") and other.startswith(f"{node}.")):
            told.setdefault(tuple(_level(run, other) for run in runs), other)
    words = [_node_words(other) or factor_words(other, [key, *others]) for other in told.values() if other]
    return list(dict.fromkeys(words))


def _node_words(key: str) -> str:
    """`objective` for any of its keys, which one choice sets together; empty for a key that stands for itself."""
    node = key.rpartition(".")[0]
    return node.rpartition(".")[2] if node in CHOSEN_WHOLE else ""


def differing_keys(settings: Iterable[dict[str, Any]]) -> list[str]:
    """Keys whose values differ between configs, besides seeds and what decides no result, in the configs' order."""
    values: dict[str, set[Hashable]] = defaultdict(set)
    counts: Counter[str] = Counter()
    total = 0
    for config in settings:
        total += 1
        for key, value in config.items():
            values[key].add(value)
            counts[key] += 1
    return [
        key
        for key, found in values.items()
        if (len(found) > 1 or counts[key] < total) and key not in SEEDS and affects_result(key)
    ]


def _independent(keys: list[str], runs: list[Run]) -> tuple[list[str], dict[str, list[str]]]:
    """Of keys that always change together, the one that says most; and which others follow it."""
    partitions: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for key in keys:
        numbers: dict[Hashable, int] = {}
        partitions[tuple(numbers.setdefault(_level(run, key), len(numbers)) for run in runs)].append(key)
    follows: dict[str, list[str]] = {}
    for together in partitions.values():
        first = min(together, key=lambda key: (not key.endswith(".enabled"), keys.index(key)))
        follows[first] = [key for key in together if key != first]
    return [key for key in keys if key in follows], follows


def _without_copies(runs: list[Run], notes: list[str]) -> list[Run]:
    """One run for each pair of seeds: the finished one, and of several the newest."""
    best: dict[Hashable, Run] = {}
    for run in sorted(runs, key=lambda run: (not run.finished, run.silent_for)):
        seeds = tuple(run.settings.get(key) for key in SEEDS)
        if seeds in best:
            notes.append(f"{run.name}: skipped, {best[seeds].name} has the same settings and seed")
        best.setdefault(seeds, run)
    return sorted(best.values(), key=lambda run: [str(run.settings.get(key)).zfill(12) for key in SEEDS])


def _label(table: Table, besides: Mapping[str, Sequence[str]]) -> None:
    """Names of the rows, and their order: the paper's where it names them all, else that of their settings."""
    rows, factors = table.rows, table.factors
    rows.sort(key=lambda row: [_sortable(level) for level in row.levels])
    named = {id(row): str((row.paper or {}).get("row") or "") for row in rows}
    reference = reference_row(rows)
    for row in rows:
        other = next((r for r in rows if r is not row and named[id(r)] == named[id(row)]), None)
        differences = setting_words(factors, row.levels, reference.levels if reference else None)
        if differences and reference:
            changed = [k for k, a, b in zip(factors, row.levels, reference.levels, strict=True) if a != b]
            also = [words for factor in changed for words in besides[factor]]
            differences += f" (and {', '.join(also)})" if also else ""
        if named[id(row)] and other is None:
            row.label = named[id(row)]
        else:
            row.label = ", ".join(
                [named[id(row)]] * bool(named[id(row)]) + [differences or _everything(factors, row.levels)]
            )
    if all(named.values()):
        order = {id(row): (row.paper or {}).get("results") for row in rows}
        rows.sort(key=lambda row: -max([f.get("value", 0) for f in order[id(row)] or [] if isinstance(f, dict)] or [0]))


def reference_row(rows: Sequence[Row]) -> Row | None:
    """The row that most others differ from in one factor only: what leave-one-out and add-one-in start from."""
    if len(rows) < 2:
        return None
    neighbours = [sum(distance(row, other) == 1 for other in rows) for row in rows]
    return rows[neighbours.index(max(neighbours))] if max(neighbours) else None


def distance(row: Row, other: Row) -> int:
    """In how many factors two rows differ."""
    return sum(a != b and OFF not in (a, b) for a, b in zip(row.levels, other.levels, strict=True))


def setting_words(factors: Sequence[str], levels: Sequence[Hashable], reference: Sequence[Hashable] | None) -> str:
    """`without label smoothing`, `label smoothing + batch size 50`: what differs from the reference, or everything."""
    differing = [
        (factor_words(key, factors), level)
        for position, (key, level) in enumerate(zip(factors, levels, strict=True))
        if (reference is None or level != reference[position]) and level != OFF
    ]
    if reference is not None and differing and all(level is True for _, level in differing):
        return " + ".join(name for name, _ in differing)
    if reference is not None and differing and all(level is False for _, level in differing):
        return "without " + ", ".join(name for name, _ in differing)
    return ", ".join(f"{name} {_value_words(level)}" for name, level in differing)


def factor_words(key: str, keys: Sequence[str]) -> str:
    """A key as words, with its node where another of `keys` ends alike: "virtual batch norm", "batch size"."""
    parts, *others = (one.removesuffix(".enabled").removesuffix(".name").split(".") for one in (key, *keys))
    alike = [other for other in others if other != parts and other[-1] == parts[-1]]
    return " ".join(parts[-2:] if alike else parts[-1:]).replace("_", " ")


def _value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _everything(factors: Sequence[str], levels: Sequence[Hashable]) -> str:
    """The name of the row that others are measured from."""
    if levels and all(level is True for level in levels):
        return "all on"
    if levels and all(level is False for level in levels):
        return "all off"
    return "all runs" if not levels else setting_words(factors, levels, None) if len(levels) <= 3 else "reference"


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (bool, int, float)):
        return (0, float(value), "")
    return (1, 0.0, str(value))
