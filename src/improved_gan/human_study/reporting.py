"""A study's report: its figures beside the paper's, the pictures that fooled people, and every answer as CSV."""

import csv
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import jinja2

from improved_gan.config import ReportConfig
from improved_gan.files import atomic_write
from improved_gan.human_study.judged_images import judged_images, most_mistaken, png_uri
from improved_gan.human_study.plots import accuracy_plot, score_plot, time_plot
from improved_gan.human_study.scores import Correlation, correlations, scored
from improved_gan.human_study.statistics import Estimate, attentive, estimates
from improved_gan.human_study.storage import Answer, Study

PAPER = (("CIFAR-10", 78.7), ("CIFAR-10, best 1% by Inception score", 71.4), ("MNIST", 52.4))  # % right
PICTURES = 12  # of the most convincing fakes, and of the most doubted reals
DIGITS = {"%": ".1f", "s": ".2f", "": ".2f"}


def report_study(folder: Path, config: ReportConfig) -> Path:
    """Write table.md, answers.csv, images.csv and report.html into `<folder>/report`, print the table, return it."""
    study = Study(folder / "study.sqlite")
    answers = study.answers()
    kept, failed = attentive(answers)
    images = judged_images(kept)
    mistaken = {
        real: [
            (image, png_uri(study.content(image.image) or b""))
            for image in most_mistaken(images, real=real, count=PICTURES)
        ]
        for real in (True, False)
    }
    design = study.design
    study.close()
    found = estimates(kept, config.confidence, config.resamples)
    runs = scored(design.get("sources", {}), folder.parents[1])
    related, why = correlations(kept, runs, config.confidence, config.resamples)
    words = _markdown(found, related, config.confidence)
    page = _page().render(
        name=folder.name,
        made=time.strftime("%Y-%m-%d %H:%M"),
        design={key: value for key, value in design.items() if key not in ("name", "sources")},
        rows=[_cells(estimate) for estimate in found],
        paper=PAPER,
        confidence=f"{100 * config.confidence:g}%",
        participants=len({row.participant for row in kept}),
        judged=len(kept),
        failed=failed,
        accuracy=accuracy_plot(found, PAPER) if kept else "",
        over_time=time_plot(found, kept) if kept else "",
        related=related,
        scatter=score_plot(related) if related else "",
        why=why,
        fakes=mistaken[False],
        doubted=mistaken[True],
        images=images,
    )
    files = {
        "table.md": words,
        "answers.csv": _csv(Answer._fields, answers),
        "images.csv": _csv(
            ("image", "sha256", "source", "called_real", "called_generated"), (asdict(i).values() for i in images)
        ),
        "report.html": page,
    }
    for name, text in files.items():
        with atomic_write(folder / "report" / name) as file:
            file.write(text.encode())
    print(words, end="")
    return folder / "report"


def _cells(estimate: Estimate) -> tuple[str, str, str, int, int]:
    """Name, value, interval, participants and answers."""
    scale, digits = 100 if estimate.unit == "%" else 1, DIGITS[estimate.unit]
    unit = {"%": "%", "s": " s", "": ""}[estimate.unit]
    between = ""
    if estimate.low is not None and estimate.high is not None:
        between = f"{estimate.low * scale:{digits}} to {estimate.high * scale:{digits}}"
    value = f"{estimate.value * scale:{digits}}{unit}"
    return estimate.name, value, between, estimate.participants, estimate.answers


def _markdown(found: Sequence[Estimate], related: Sequence[Correlation], confidence: float) -> str:
    lines = [f"| figure | value | {100 * confidence:g}% interval | participants | answers |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(map(str, _cells(estimate))) + " |" for estimate in found]
    lines += [f"| the paper: accuracy, {name} | {value}% | | | |" for name, value in PAPER]
    for each in related:
        between = "" if each.low is None else f"{each.low:.2f} to {each.high or 0:.2f}"
        lines.append(f"| rank correlation with {each.score} | {each.spearman:.2f} | {between} | | |")
    return "\n".join(lines) + "\n"


def _csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _page() -> jinja2.Template:
    loader = jinja2.PackageLoader("improved_gan.human_study", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html.jinja")
