"""Which mistake Table 1's runs differ in, and a picture of the test images that it is made on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8
from matplotlib import rc_context
from matplotlib.figure import Figure

from improved_gan.report.plots import STYLE
from improved_gan.report.runs import Run

CLASSES = 10
COLUMNS, CONTRAST = 12, 2  # of the picture: images a row; rows of images that every run reads right
SEEN = {  # (true, read): what their picture shows
    (9, 8): "Most are of one handwriting, a 9 whose tail curls round to the left; the 9s that all runs read right have "
    "straighter tails."
}
Answers = Mapping[str, tuple[Int[np.ndarray, " image"], Int[np.ndarray, " image"]]]  # run -> predicted, true classes


@dataclass(frozen=True)
class Misreading:
    """One class read as another: the pair whose count differs most from run to run."""

    true: int
    read: int
    counts: list[int]  # of each run
    errors: list[int]  # all errors of each run
    shared: int  # images that more than one run misreads so
    images: int  # images that at least one run misreads so


def answers_of(runs: Sequence[tuple[str, Run]]) -> Answers:
    """What each named run answered for the test images, wherever its logits are kept."""
    found = {}
    for name, run in runs:
        path = run.folder / "test_logits.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as stored:
                found[name] = stored["logits"].argmax(axis=1), stored["labels"].astype(np.int64)
    return found


def most_unequal(answers: Answers) -> Misreading | None:
    """The mistake that the runs make most unequally often; None of fewer than two runs, or where all are alike."""
    if len(answers) < 2:
        return None
    tables = np.stack([_confusion(predicted, true) for predicted, true in answers.values()])
    spread = np.ptp(tables, axis=0)
    np.fill_diagonal(spread, 0)
    true, read = (int(k) for k in np.unravel_index(spread.argmax(), spread.shape))
    if not spread[true, read]:
        return None
    hits = np.sum([_misread(predicted, classes, true, read) for predicted, classes in answers.values()], axis=0)
    errors = [int(np.count_nonzero(predicted != classes)) for predicted, classes in answers.values()]
    counts = [int(table[true, read]) for table in tables]
    return Misreading(true, read, counts, errors, int((hits > 1).sum()), int((hits > 0).sum()))


def explained(found: Misreading, names: Sequence[str], published: float | None) -> str:
    """The misreading in a sentence or two; `published` is the paper's count of errors."""
    rest = [errors - count for errors, count in zip(found.errors, found.counts, strict=True)]
    left = f"Without them {_listed(rest)} are left"
    if published is not None:
        left += f", {np.mean(rest):.1f} in the mean, where the paper has {published:g} errors in all"
    lines = [
        f"The runs differ most in one mistake, {found.true}s read as {found.read}: {_listed(found.counts)} of "
        f"{_listed(found.errors)} errors ({'; '.join(names)}).",
        f"{left}.",
        f"They are {found.images} images, {found.shared} of which more than one run misreads so.",
        SEEN.get((found.true, found.read), ""),
    ]
    return "\n".join(filter(None, lines))


def draw_misread(answers: Answers, found: Misreading, images: UInt8[np.ndarray, "image 28 28"], path: Path) -> None:
    """The images misread so by any run, those of most runs first, above as many rows that every run reads right."""
    hits = np.sum([_misread(predicted, true, found.true, found.read) for predicted, true in answers.values()], axis=0)
    (_, true), *_ = answers.values()
    right = np.flatnonzero((true == found.true) & np.all([p == t for p, t in answers.values()], axis=0))
    wrong = np.flatnonzero(hits)[np.argsort(-hits[hits > 0], kind="stable")]
    heights = [-(-len(wrong) // COLUMNS), CONTRAST]
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(7, 0.6 * sum(heights) + 0.9), dpi=120, layout="constrained")
        titles = [f"{found.true}s that at least one run reads as {found.read}", f"{found.true}s that all read right"]
        shown = [wrong, right[: CONTRAST * COLUMNS]]
        for axes, title, numbers, height in zip(
            figure.subplots(2, 1, height_ratios=heights), titles, shown, heights, strict=True
        ):
            axes.imshow(255 - _tiled(images[numbers], height), cmap="gray", vmin=0, vmax=255)
            axes.set_title(title)
            axes.axis("off")
        figure.savefig(path, metadata={"Software": None})


def _confusion(predicted: np.ndarray, true: np.ndarray) -> Int[np.ndarray, "true read"]:
    return np.bincount(CLASSES * true + predicted, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def _misread(predicted: np.ndarray, classes: np.ndarray, true: int, read: int) -> Bool[np.ndarray, " image"]:
    return np.asarray((classes == true) & (predicted == read))


def _tiled(images: np.ndarray, rows: int) -> np.ndarray:
    side = images.shape[-1]
    sheet = np.zeros((rows * COLUMNS, side, side), np.uint8)
    sheet[: len(images)] = images
    return sheet.reshape(rows, COLUMNS, side, side).transpose(0, 2, 1, 3).reshape(rows * side, COLUMNS * side)


def _listed(values: Sequence[int]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}"
