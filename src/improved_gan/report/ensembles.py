"""Ensembles: the runs of a row that share ONE labelled subset judge the test images together (Tables 1 and 2).

Runs of different subsets are never mixed: together they would have seen more labels than the row says.
"""

import zipfile
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from improved_gan.report.runs import Run


@dataclass(frozen=True)
class Ensemble:
    """Test error of the runs of one labelled subset together."""

    label_seed: Hashable
    models: int
    errors: int
    samples: int

    @property
    def value(self) -> float:
        return self.errors / self.samples


def ensembles(runs: Sequence[Run], problems: list[str]) -> list[Ensemble]:
    """One for each labelled subset with two finished runs or more; what cannot be used is said in `problems`."""
    by_subset: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        if run.finished and (run.folder / "test_logits.npz").exists():
            by_subset[run.settings.get("dataset.label_seed")].append(run)
    found = []
    for subset, members in by_subset.items():
        if len(members) < 2:
            continue
        read = [(run, arrays) for run in members if (arrays := _read(run, problems)) is not None]
        if len(read) < 2:
            continue
        labels = read[0][1][1]
        agreeing = [
            logits for _, (logits, own) in read if np.array_equal(own, labels) and logits.shape == read[0][1][0].shape
        ]
        if len(agreeing) < len(read):
            problems.append(f"{read[0][0].name}: no ensemble, its row's test_logits.npz are of different test images")
            continue
        found.append(Ensemble(subset, len(agreeing), errors_together(agreeing, labels), len(labels)))
    return found


def errors_together(logits: Sequence[np.ndarray], labels: np.ndarray) -> int:
    """Errors of several runs' mean class probabilities: `metrics.test_error.ensemble_errors`, but without torch."""
    probabilities = np.mean([softmax(each, axis=1) for each in logits], axis=0)
    return int((probabilities.argmax(axis=1) != labels).sum())


def _read(run: Run, problems: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Logits (n, classes) and labels (n) of a run's test images."""
    try:
        with np.load(run.folder / "test_logits.npz", allow_pickle=False) as stored:
            logits, labels = stored["logits"].astype(np.float32), stored["labels"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        problems.append(f"{run.name}: test_logits.npz cannot be read ({type(error).__name__}), so it is in no ensemble")
        return None
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels) or not np.isfinite(logits).all():
        problems.append(f"{run.name}: test_logits.npz holds no logits with labels, so it is in no ensemble")
        return None
    return logits, labels
