"""A study's report: its figures beside the paper's, and every answer as CSV."""

import csv
import io
from pathlib import Path

from improved_gan.config import ReportConfig
from improved_gan.human_study.statistics import Share, shares
from improved_gan.human_study.storage import Study
from improved_gan.run_folder import atomic_write

PAPER = (("CIFAR-10", 78.7), ("CIFAR-10, best 1% by Inception score", 71.4), ("MNIST", 52.4))  # % right
COLUMNS = ("participant", "feedback", "position", "image_sha256", "source", "answer", "seconds")


def report_study(folder: Path, config: ReportConfig) -> Path:
    """Write `table.md` and `answers.csv` into `<folder>/report`, print the table and return that folder."""
    study = Study(folder / "study.sqlite")
    answers = study.answers()
    study.close()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(answers)
    words = _table(shares(answers, config.confidence, config.resamples), config.confidence)
    for name, text in (("table.md", words), ("answers.csv", table.getvalue())):
        with atomic_write(folder / "report" / name) as file:
            file.write(text.encode())
    print(words, end="")
    return folder / "report"


def _table(found: list[Share], confidence: float) -> str:
    lines = [f"| figure | value | {100 * confidence:g}% interval | participants | answers |", "|---|---|---|---|---|"]
    for share in found:
        unit, form = (1, ".2f") if share.name == "d'" else (100, ".1f")
        between = "" if share.low is None else f"{share.low * unit:{form}} to {(share.high or 0) * unit:{form}}"
        value = f"{share.value * unit:{form}}{'%' if unit == 100 else ''}"
        lines.append(f"| {share.name} | {value} | {between} | {share.participants} | {share.answers} |")
    lines += [f"| the paper: accuracy, {name} | {value}% | | | |" for name, value in PAPER]
    return "\n".join(lines) + "\n"
