"""The metrics that there are: what each is good and bad at, and what it needs. Nothing here imports torch.

To add a metric
1. write its number as a pure function of tensors in a file of this package, tested against a reference;
2. beside it, a function `MetricInputs -> Score` (both in `inputs.py`) that takes what it needs out of the inputs;
3. give it a line in `METRICS` below, naming that function.
Nothing else: the schema's list of metrics, `--help`, the table and the JSON of `job=evaluate` all follow from here.

Whoever evaluates reads the needs of all metrics asked for, extracts the features of each network once, and hands all
of it over in one `MetricInputs`. A metric whose needs cannot be met is skipped with
a line that names what was missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from improved_gan.metrics.inputs import MetricInputs, Score


@dataclass(frozen=True)
class Metric:
    """One metric: where its function lies, what a person should know about it, and what it needs."""

    function: "str | Callable[[MetricInputs], Score]"  # "module:name" inside this package, or a plugin's function
    better: str  # "higher", "lower", or the value that would be best ("0.5")
    sees: str  # what it is good at; with `misses`, one sentence
    misses: str
    network: str | None = None  # "inception" or "classifier": `inputs.features(network)` is used
    keeps_features: bool = False  # the features of every image are used, not only the statistics that are always there
    reference: bool = False  # real images (or their features) are used
    held_out: bool = False  # real images that were not trained on are used
    discriminator: bool = False  # the run's own discriminator is used
    modes: bool = False  # where the modes of points lie is used
    labels: bool = False  # classes of the real images are used
    points: bool = False  # it means something for points too, which no network sees
    replacement: str | None = None  # measures the like without Inception, where its weights are unavailable

    def compute(self, inputs: "MetricInputs") -> "Score":
        """The score that `inputs` gives."""
        if callable(self.function):
            return self.function(inputs)
        module, _, name = self.function.partition(":")
        function: Callable[[MetricInputs], Score] = getattr(import_module(f"improved_gan.metrics.{module}"), name)
        return function(inputs)


METRICS: dict[str, Metric] = {
    "test_error": Metric(
        "test_error:test_error",
        better="lower",
        sees="how well the discriminator knows the classes (Tables 1 and 2)",
        misses="what the samples look like",
        held_out=True,
        discriminator=True,
        labels=True,
        points=True,
    ),
    "inception_score": Metric(
        "inception_score:inception_score_of",
        better="higher",
        sees="samples that ImageNet's classes tell apart, and many of them",
        misses="variety within a class, memorised images, and anything that is unlike ImageNet",
        network="inception",
        replacement="classifier_score",
    ),
    "frechet_inception_distance": Metric(
        "frechet_distance:frechet_inception_distance",
        better="lower",
        sees="fidelity and variety together, blur, noise and dropped classes",
        misses="memorised images; it is biased upwards at small N, so only equal N compare",
        network="inception",
        reference=True,
        replacement="frechet_classifier_distance",
    ),
    "kernel_inception_distance": Metric(
        "kernel_distance:kernel_inception_distance",
        better="lower",
        sees="the same as FID, without bias at small N",
        misses="memorised images; its spread is wide at small N",
        network="inception",
        keeps_features=True,
        reference=True,
    ),
    "precision": Metric(
        "prdc:precision",
        better="higher",
        sees="the share of samples that look real",
        misses="variety; one outlier among the reals makes room for bad samples",
        network="inception",
        keeps_features=True,
        reference=True,
    ),
    "recall": Metric(
        "prdc:recall",
        better="higher",
        sees="the share of reals that the samples could stand for",
        misses="quality; scattered bad samples raise it",
        network="inception",
        keeps_features=True,
        reference=True,
    ),
    "density": Metric(
        "prdc:density",
        better="higher",
        sees="how deep samples lie among reals, robust where precision is not",
        misses="variety; it exceeds 1 where samples crowd together",
        network="inception",
        keeps_features=True,
        reference=True,
    ),
    "coverage": Metric(
        "prdc:coverage",
        better="higher",
        sees="the share of reals with a sample nearby, robust where recall is not",
        misses="quality of the samples that cover nothing",
        network="inception",
        keeps_features=True,
        reference=True,
    ),
    "classifier_score": Metric(
        "classifier_metrics:classifier_score",
        better="higher",
        sees="samples that a classifier of the data set's own labels is sure of, and all of its classes",
        misses="variety within a class, memorised images, and what no class depends on",
        network="classifier",
    ),
    "frechet_classifier_distance": Metric(
        "classifier_metrics:frechet_classifier_distance",
        better="lower",
        sees="fidelity and variety together, dropped classes, wherever Inception does not fit or is unavailable",
        misses="memorised images, what no class depends on; only the same classifier and equal N compare",
        network="classifier",
        reference=True,
    ),
    "modes_captured": Metric(
        "mode_coverage:modes_captured",
        better="higher",
        sees="classes, or modes of points, that are missing altogether",
        misses="one sample is enough to count, of images however poor, and variety within a class",
        network="classifier",
        keeps_features=True,
        points=True,
    ),
    "modes_held": Metric(
        "mode_coverage:modes_held",
        better="higher",
        sees="modes of points that hold at least half of an even share of all samples, in high quality",
        misses="how the others are spread; of a perfect sampler it counts every mode of equal weight",
        modes=True,
        points=True,
    ),
    "high_quality_fraction": Metric(
        "mode_coverage:high_quality_fraction",
        better="higher",
        sees="points that lie between the modes and not in them; a perfect sampler in the plane has 98.89%",
        misses="missing modes",
        modes=True,
        points=True,
    ),
    "mode_kl": Metric(
        "mode_coverage:mode_kl",
        better="lower",
        sees="classes, or modes of points, that come up too seldom or too often",
        misses="variety within a class, and poor samples that the classifier must call something",
        network="classifier",
        keeps_features=True,
        reference=True,
        points=True,
    ),
    "real_vs_fake_ratio": Metric(
        "discriminator_metrics:real_vs_fake_ratio",
        better="0.5",
        sees="the share of samples that the run's own discriminator calls real: which player is ahead",
        misses="quality: a poor discriminator is fooled by poor samples, so runs do not compare",
        discriminator=True,
        points=True,
    ),
    "discriminator_accuracy": Metric(
        "discriminator_metrics:discriminator_accuracy",
        better="0.5",
        sees="whether the run's own discriminator tells samples from reals that it never saw",
        misses="quality: 0.5 may mean good samples or a poor discriminator",
        held_out=True,
        discriminator=True,
        points=True,
    ),
    "discriminator_overfitting": Metric(
        "discriminator_metrics:discriminator_overfitting",
        better="0",
        sees="a discriminator that overfits: log D on its training images less log D on held-out reals",
        misses="what the samples look like",
        reference=True,
        held_out=True,
        discriminator=True,
        points=True,
    ),
    "real_vs_fake_accuracy": Metric(
        "discriminator_metrics:real_vs_fake_accuracy",
        better="0.5",
        sees="any trace that tells samples from held-out reals, by a discriminator trained afresh on half of both",
        misses="how bad the trace is, missing variety, and, with few held-out images, subtle traces",
        held_out=True,
    ),
    "wasserstein_critic": Metric(
        "wasserstein_distances:wasserstein_critic",
        better="lower",
        sees="how far samples are from held-out reals, in pixels, by a critic trained afresh on half of both",
        misses="whatever the critic did not learn in its few steps: a bound from below, of its own network's making",
        held_out=True,
    ),
    "sliced_wasserstein": Metric(
        "wasserstein_distances:sliced_wasserstein",
        better="lower",
        sees="wrong colours, contrast and coarse layout, without any network",
        misses="what things are: all that pixels along random directions do not show",
        reference=True,
        points=True,
    ),
    "earth_movers_distance": Metric(
        "wasserstein_distances:earth_movers_distance",
        better="lower",
        sees="fidelity and variety in a classifier's features, exactly and without supposing Gaussians",
        misses="memorised images; on minibatches it never falls to 0, so it is compared with reals against reals",
        network="classifier",
        keeps_features=True,
        reference=True,
    ),
    "birthday_test": Metric(
        "near_duplicates:birthday_test",
        better="lower",
        sees="a generator of few different images: near-duplicates among a few hundred samples, with a picture",
        misses="duplicates that are shifted or recoloured, which pixels do not show",
        reference=True,
    ),
    "nearest_training_ratio": Metric(
        "near_duplicates:nearest_training_ratio",
        better="1",
        sees="memorised images: below 1, samples lie nearer to training images than fresh reals do, with a picture",
        misses="shifted or recoloured copies; blurred samples lie near to everything",
        reference=True,
        held_out=True,
    ),
}
