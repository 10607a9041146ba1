"""Reports over a folder of runs: what was done, what came of it, how sure that is, and what the paper says.

finding, runs (reading) -> grouping (rows and columns) -> results (estimates, effects, ranks) -> tables, plots -> page
"""

import os
from pathlib import Path

from improved_gan.config import ReportConfig, UsageError
from improved_gan.report.discovery import read_runs
from improved_gan.report.grouping import tables_of
from improved_gan.report.page import write_report
from improved_gan.report.results import results_of


def make_report(root: Path, config: ReportConfig) -> Path:
    """Report on every run below `root`: write the four files into `<root>/report`, print the tables."""
    folder = root / "report"
    if not os.access(folder if folder.exists() else root, os.W_OK):
        raise UsageError(f"run={root}: the report goes into {folder}, which is not writable")
    found = read_runs(root)
    metrics = sorted({name for run in found.runs for name, _ in run.metrics})
    if config.metric is not None and metrics and config.metric not in metrics:
        raise UsageError(f"report.metric={config.metric}: the runs hold {', '.join(metrics)}")
    problems = list(found.problems)
    results = [results_of(table, config, problems) for table in tables_of(found.runs, config.metric)]
    write_report(folder, found, results, problems, config)
    return folder
