"""`job=report`: tables, statistics and one offline page over a folder of runs, finished or not."""

from pathlib import Path

from improved_gan.composing import Request
from improved_gan.config import UsageError


def report(request: Request) -> Path:
    """Write table.md, table.csv, table.tex and report.html into `<folder of runs>/report` and return that folder."""
    from improved_gan.report import (
        make_report,
    )  # here, because pandas and matplotlib take seconds that training can do without

    config = request.config
    assert config.report is not None
    folder = Path(config.run) if config.run is not None else Path(config.output_root) / request.experiment
    if not folder.is_dir():
        raise UsageError(f"run=null: {folder} does not exist; give run=FOLDER, any folder of runs")
    if (folder / "study.sqlite").is_file():
        from improved_gan.human_study.reporting import report_study

        return report_study(folder.absolute(), config.report)
    return make_report(folder.absolute(), config.report)
