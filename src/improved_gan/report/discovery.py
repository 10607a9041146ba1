"""Finding the runs below a folder, whatever else lies there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from improved_gan.report.runs import Run, first_line, read_run

# Folders that hold no runs.
RUN_PARTS = frozenset({"checkpoints", "samples", "evaluation", "wandb", "report", "search"})


@dataclass(frozen=True)
class Found:
    """All runs below a folder, and the folders in it that are none."""

    runs: list[Run]
    foreign: list[str]
    problems: list[str]


def read_runs(root: Path) -> Found:
    """Every run at or below `root`, in the order of their paths."""
    runs, foreign, problems = [], [], []
    for folder, is_run in _candidates(root):
        name = os.path.relpath(folder, root)
        if not is_run:
            foreign.append(name)
            continue
        try:
            run = read_run(Path(folder), Path(folder).name if name == "." else name)
        except (OSError, ValueError, yaml.YAMLError) as error:
            problems.append(f"{name}: skipped, its config.yaml cannot be read ({first_line(error)})")
            continue
        problems += [f"{run.name}: {problem}" for problem in run.problems]
        runs.append(run)
    return Found(runs, foreign, problems)


def _candidates(root: Path) -> Iterator[tuple[str, bool]]:
    """Folders with a config.yaml (True), and folders without that hold nothing but files (False)."""
    stack, seen = [str(root)], set()
    while stack:
        folder = stack.pop()
        try:
            status = os.stat(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder, False
            continue
        if (status.st_dev, status.st_ino) in seen:  # a link back up
            continue
        seen.add((status.st_dev, status.st_ino))
        if any(entry.name == "config.yaml" for entry in entries):
            yield folder, True
            continue
        below = [e.path for e in entries if e.is_dir() and not e.name.startswith(".") and e.name not in RUN_PARTS]
        if not below and folder != str(root):
            yield folder, False
        stack += reversed(below)
