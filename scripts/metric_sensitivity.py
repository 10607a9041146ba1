"""What each metric sees and misses, on sets of real CIFAR-10 images that are wrong in a known way: docs/evaluation.md.

Features are those of the classifier that `job=evaluate` trains. Results are kept in OUT/results.json as they come, so
that a second call measures only what is missing; the table and both plots are made from it.

    python scripts/metric_sensitivity.py outputs/metric_sensitivity
"""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from jaxtyping import UInt8
from matplotlib import rc_context
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.dataset import PreparedDataset
from improved_gan.evaluation.evaluator import Evaluator
from improved_gan.evaluation.reference_set import cache_folder, real_images
from improved_gan.metrics.inputs import ImageSet
from improved_gan.metrics.prdc import compute_prdc
from improved_gan.metrics.registry import METRICS as WITH_BETTER
from improved_gan.report.columns import Column
from improved_gan.report.plots import INK, STYLE
from improved_gan.training.device import prepare_arithmetic

matplotlib.use("Agg")
COUNT = 1000
REFERENCE = 4000  # training images compared with
ONE_CLASS = 7  # horses
METRICS = {  # and, for the plot, the value that a perfect generator would have
    "sliced_wasserstein": 0.0,
    "wasserstein_critic": 0.0,
    "real_vs_fake_accuracy": 0.5,
    "birthday_test": 0.0,
    "nearest_training_ratio": 1.0,
    "classifier_score": None,
    "frechet_classifier_distance": 0.0,
    "earth_movers_distance": None,
    "modes_captured": 10.0,
    "mode_kl": 0.0,
}
NEIGHBOURHOODS = {"precision": None, "recall": None, "density": 1.0, "coverage": None}  # of the classifier's features
BY_CLASSIFIER = (
    "classifier_score",
    "frechet_classifier_distance",
    "earth_movers_distance",
    "modes_captured",
    "mode_kl",
)

Images = UInt8[np.ndarray, "n 3 32 32"]


def image_sets(data: PreparedDataset) -> dict[str, Callable[[Evaluator], Images]]:
    """Each set's name and how it is made."""
    assert data.test is not None and data.train.labels is not None
    test, train, labels = data.test.images, data.train.images, np.asarray(data.train.labels)
    unseen = np.asarray(test[-COUNT:])  # the held-out reals that metrics compare with are the first ones
    noise = np.random.default_rng(0)

    def one_image_a_class(evaluator: Evaluator) -> Images:
        """Of each class the training image that the classifier is surest of, again and again."""
        reference = real_images(data, "train", REFERENCE)
        assert reference is not None
        features = evaluator.features.of("classifier", reference)
        assert features.logits is not None
        sure = features.logits.log_softmax(dim=1).numpy()
        surest = [int(np.where(labels[:REFERENCE] == k, sure[:, k], -np.inf).argmax()) for k in range(10)]
        return np.tile(np.asarray(train[surest]), (COUNT // 10, 1, 1, 1))

    return {
        "test images": lambda _: unseen,
        "blurred": lambda _: gaussian_filter(unseen.astype(np.float32), (0, 0, 1, 1)).round().astype(np.uint8),
        "noised": lambda _: (unseen + noise.normal(0, 20, unseen.shape)).round().clip(0, 255).astype(np.uint8),
        "one class only": lambda _: np.asarray(
            train[REFERENCE + np.flatnonzero(labels[REFERENCE:] == ONE_CLASS)[:COUNT]]
        ),
        "training images": lambda _: np.asarray(train[:COUNT]),
        "50 training images": lambda _: np.tile(np.asarray(train[:50]), (COUNT // 50, 1, 1, 1)),
        "one image per class": one_image_a_class,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--metrics", nargs="+", default=[*METRICS, *NEIGHBOURHOODS], help="only these")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    config = compose_jobs(["job=evaluate", "dataset=cifar10", "images=."])[0].config
    device = prepare_arithmetic(config)
    data = dataset.load(config.dataset, Path(config.data_root))
    names = [name for name in METRICS if name in arguments.metrics]
    metrics = dataclasses.replace(config.metrics, names=names, reference_samples=REFERENCE)
    evaluator = Evaluator(metrics, lambda: data, device, seed=1)
    print("classifiers are kept in", cache_folder(data))
    results = arguments.out / "results.json"
    needs_classifier = bool(set(arguments.metrics) & {*BY_CLASSIFIER, *NEIGHBOURHOODS})
    for name, make in image_sets(data).items():
        if make.__name__ == "one_image_a_class" and not needs_classifier:
            continue
        known = json.loads(results.read_text()) if results.exists() else {}
        missing = [metric for metric in names if metric not in known.get(name, {})]
        wants_neighbours = set(NEIGHBOURHOODS) & set(arguments.metrics) - set(known.get(name, {}))
        if not missing and not wants_neighbours:
            continue
        images = make(evaluator)
        evaluator.metrics = missing
        samples = ImageSet(name, name, images)
        found = {metric: score.value for metric, score in evaluator.evaluate(samples).scores.items()}
        if wants_neighbours:
            found |= where_they_lie(evaluator, samples)
        known = json.loads(results.read_text()) if results.exists() else {}
        known[name] = known.get(name, {}) | found
        results.write_text(json.dumps(known, indent=1))
        print(name, {metric: round(value, 4) for metric, value in found.items()}, flush=True)
        np.save(arguments.out / f"{name.replace(' ', '_')}.npy", images[:10])
    known = json.loads(results.read_text())
    write(arguments.out, {name: known[name] for name in image_sets(data) if name in known})


def where_they_lie(evaluator: Evaluator, samples: ImageSet) -> dict[str, float]:
    """Precision, recall, density and coverage in the classifier's features."""
    assert evaluator.reference is not None
    ours = evaluator.features.of("classifier", samples).values
    real = evaluator.features.of("classifier", evaluator.reference).values
    assert ours is not None and real is not None
    return compute_prdc(ours, real, neighbours=3, of_density=5)._asdict()


def write(out: Path, results: dict[str, dict[str, float]]) -> None:
    """table.md, metrics.png and images.png."""
    names = [name for name in (*METRICS, *NEIGHBOURHOODS) if any(name in row for row in results.values())]
    lines = ["| | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    for metric in names:
        cells = [f"{round(row[metric], 5):.3g}" if metric in row else "" for row in results.values()]
        lines.append(f"| `{metric}` | " + " | ".join(cells) + " |")
    (out / "table.md").write_text("\n".join(lines) + "\n")
    plot_metrics(out / "metrics.png", names, results)
    plot_images(out, list(results))


def plot_metrics(path: Path, names: list[str], results: dict[str, dict[str, float]]) -> None:
    """A panel a metric: dashed, what a perfect generator would get (test images); dotted, the best value there is.

    A metric that is the same for every set says nothing that a line could not: it is in the table alone.
    """
    best: dict[str, Any] = METRICS | NEIGHBOURHOODS
    names = [name for name in names if len({row.get(name) for row in results.values()}) > 1]
    columns = 4
    height = -(-len(names) // columns)
    with rc_context({**STYLE, "axes.spines.left": False}):
        figure = Figure(figsize=(12, 0.4 + 2.3 * height), dpi=100, layout="constrained")
        all_axes = figure.subplots(height, columns, sharey=True, squeeze=False)
        for axes in all_axes.flat[len(names) :]:
            axes.set_visible(False)
        for axes, name in zip(all_axes.flat, names, strict=False):
            values = [row.get(name, np.nan) for row in results.values()]
            axes.barh(list(results), values, color=["#8fc1e3"] + ["#d9dde2"] * (len(values) - 1), height=0.72)
            for k, value in enumerate(values):
                words = f"{value:.3g}" if np.isfinite(value) else "not measured"
                axes.annotate(words, (0, k), (3, 0), textcoords="offset points", va="center", fontsize=9)
            better = WITH_BETTER[name].better
            words = f"{better} is better" if better in ("higher", "lower") else f"{better} is best"
            axes.set_title(f"{Column(name, ()).words}\n{words}")
            axes.axvline(values[0], color="#0072b2", linewidth=1, linestyle="--")
            if best[name] is not None:
                axes.axvline(best[name], color="black", linewidth=0.8, linestyle=":")
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(axis="y", visible=False)
        all_axes[0, 0].invert_yaxis()
        figure.savefig(path)


def plot_images(out: Path, names: list[str]) -> None:
    """Ten images of each set, a row a set."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(names), 1, figsize=(8, 0.72 * len(names)), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=True):
        images = np.load(out / f"{name.replace(' ', '_')}.npy")
        spaced = np.pad(images.transpose(0, 2, 3, 1), ((0, 0), (0, 0), (1, 1), (0, 0)), constant_values=255)
        axis.imshow(np.concatenate(spaced, axis=1))
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, labelpad=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    figure.tight_layout(pad=0.3, h_pad=0.2)
    figure.savefig(out / "images.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
