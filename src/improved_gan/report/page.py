"""The four files of a report, of which report.html needs nothing beside it; and its plots as files, on request."""

import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from improved_gan.config import ReportConfig
from improved_gan.files import atomic_write
from improved_gan.report.columns import decimals
from improved_gan.report.curves import TOGETHER, curves_plot
from improved_gan.report.discovery import Found
from improved_gan.report.grids import grids_of
from improved_gan.report.latex import latex_table
from improved_gan.report.others import others_of
from improved_gan.report.plots import effects_plot, save_figures, seeds_plot, shown_rows, svg
from improved_gan.report.results import Results
from improved_gan.report.runs import Run, number_or_none
from improved_gan.report.tables import STATUSES, best_cells, long_frame, wide_frame

LISTED = 30  # of anything that went wrong; the rest is counted
PRINTED_ROWS = 40  # of a table, on stdout
CURVES = ("discriminator_loss", "generator_loss")


def write_report(
    folder: Path, found: Found, results: Sequence[Results], problems: Sequence[str], config: ReportConfig
) -> None:
    """Write all files into `folder`, each whole or not at all, and print the tables."""
    frames = [wide_frame(each, config.confidence) for each in results]
    tables = [
        {"results": each, "frame": frame, "best": best_cells(each), "title": each.table.title}
        | {"others": others_of([run for row in each.rows for run in row.runs])}
        for each, frame in zip(results, frames, strict=True)
    ]
    long = long_frame(results, config.confidence)
    shared = {"found": found, "tables": tables, "problems": _shortened(problems), "counts": _counts(found.runs)}
    shared |= {"foreign": _shortened(found.foreign), "folder": folder.parent, "confidence": f"{config.confidence:.0%}"}
    markdown = _template("table.md.jinja", escape=False).render(shared)
    latex = "\n".join(latex_table(t["frame"], t["best"], f"Results on {t['title']}") for t in tables)
    later = list(problems)
    for table in tables:
        plots = _plots(table["results"], config)
        table |= {name: svg(figure) if figure else None for name, figure in plots.items()}
        table |= _pictures(table["results"], config, later)
        if config.figures:
            save_figures(folder / "figures", table["title"], plots, config.figures)
    shared["problems"] = _shortened(later)
    page = _template("report.html.jinja", escape=True).render(
        shared,
        made=time.strftime("%Y-%m-%d %H:%M"),
        long=_readable(long),
        runs=[_run_line(run) for run in found.runs],
        commands=commands_of(found.runs),
        environment=environment_of(found.runs),
    )
    files = {
        "table.md": markdown,
        "table.csv": long.to_csv(index=False),
        "table.tex": latex or "% no run yet\n",
        "report.html": page,
    }
    for name, text in files.items():
        with atomic_write(folder / name) as file:
            file.write(text.encode())
    print(_template("table.md.jinja", escape=False).render(shared | {"printed_rows": PRINTED_ROWS}).strip())


def _template(name: str, escape: bool) -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = lambda value, scale, spread: (
        f"{value * scale:+.{min(6, decimals(spread * scale, value * scale))}f}"
    )
    environment.filters["p"] = lambda p: "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
    environment.filters["cell"] = lambda word: str(word).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(name)


def _plots(results: Results, config: ReportConfig) -> dict[str, Figure | None]:
    metrics = [column.metric for column in results.columns[:2]]
    return {
        "seeds": seeds_plot(results, config.rows),
        "effects": effects_plot(results),
        "curves": curves_plot(results, [*dict.fromkeys(metrics), *CURVES], config.rows),
    }


def _pictures(results: Results, config: ReportConfig, problems: list[str]) -> dict[str, Any]:
    rows = shown_rows(results, config.rows)
    return {
        "grids": grids_of(rows, problems),
        "shown": len(rows),
        "panels": len(rows) > TOGETHER,
        "any_unfinished": any(not row.finished for row in rows),
        "any_paper": any(cell.paper for cells in results.cells for cell in cells),
    }


def _counts(runs: Sequence[Run]) -> list[tuple[str, int]]:
    """How many runs are finished, running, ...; nothing is left out but zeros."""
    statuses = Counter(run.status for run in runs)
    order = ["finished", *STATUSES, *sorted(set(statuses) - {"finished", *STATUSES})]
    return [(status, statuses[status]) for status in order if statuses[status]]


def _shortened(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - LISTED
    return list(lines) if rest <= 0 else [*lines[:LISTED], f"and {rest:,} more"]


def _readable(long: pd.DataFrame) -> pd.DataFrame:
    """The long frame's columns for the page: every seed's value, with what was measured."""
    if "n" not in long.columns:
        return pd.DataFrame()
    numbers = ["mean", "sd", "low", "high"]
    columns = ["data", "row", "metric", "definition", "warning", "n", *numbers, "interval", "values"]
    shown = long[long["n"] > 0].reindex(columns=columns)
    shown[numbers] = shown[numbers].map(lambda value: "" if pd.isna(value) else f"{value:.5g}").astype(object)
    return shown.fillna("")


def _run_line(run: Run) -> dict[str, Any]:
    silent = f", silent for {_duration(run.silent_for)}" if run.status == "running" and run.silent_for > 600 else ""
    step = "" if run.step is None else f"{run.step:,}" + (f" of {run.total_steps:,}" if run.total_steps else "")
    return {
        "name": run.name,
        "status": run.status,
        "words": f"{run.status}{silent}",
        "reason": run.reason,
        "step": step,
        "seed": run.settings.get("seed", ""),
        "seconds": "" if run.seconds is None else _duration(run.seconds),
        "device": run.environment.get("device", ""),
        **_costs(run),
    }


def _costs(run: Run) -> dict[str, str]:
    """Pace, operations of a step and the most memory held: a GPU's where it ran on one."""
    memory = run.costs.get("peak_memory_bytes")
    held = memory.get("device", memory.get("host")) if isinstance(memory, dict) else None
    rate, flops = number_or_none(run.costs.get("images_per_second")), number_or_none(run.costs.get("flops_per_step"))
    held = number_or_none(held)
    return {
        "rate": "" if rate is None else f"{rate:,.0f}",
        "gflops": "" if flops is None else f"{flops / 1e9:,.3g}",
        "memory": "" if held is None else f"{held / 2**20:,.0f}",
    }


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def commands_of(runs: Sequence[Run]) -> list[str]:
    """The exact commands, seeds of one setting folded into a multirun; runs that don't say theirs are left out."""
    seeds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for run in runs:
        if run.overrides is not None:
            others = tuple(word for word in run.overrides if not word.startswith("seed="))
            seeds[others] += [word.removeprefix("seed=") for word in run.overrides if word.startswith("seed=")]
    commands = []
    for others, values in seeds.items():
        flag = ["-m"] if len(values) > 1 else []
        commands.append(shlex.join(["improved-gan", *flag, *others, *([f"seed={','.join(values)}"] if values else [])]))
    return commands


def environment_of(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """What the runs were made with: each value, and of how many runs where they differ."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for key, value in run.environment.items():
            values[key][str(value)] += 1
    return [
        (key.replace("_", " "), "; ".join(f"{v} ({n} runs)" if len(found) > 1 else v for v, n in found.most_common(8)))
        for key, found in values.items()
    ]
