"""Everything that metrics need, brought together: features, real images, a run's discriminator.

The metrics themselves, in `metrics/`, are handed all this and know nothing of where it comes from.
"""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
import torch

from improved_gan.checks import describe_shape
from improved_gan.config import MetricsConfig, UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.evaluation.features import FeatureSource
from improved_gan.evaluation.independent_critic import train_independent_critic
from improved_gan.evaluation.reference_set import real_images
from improved_gan.metrics.inception_weights import InceptionWeights, inception_weights
from improved_gan.metrics.inputs import EvalDiscriminator, ImageSet, MetricInputs, MetricUnavailable, Modes, Score
from improved_gan.metrics.registry import METRICS, Metric

log = logging.getLogger("improved_gan")
OF_POINTS = (
    "modes_captured",
    "modes_held",
    "high_quality_fraction",
    "mode_kl",
    "sliced_wasserstein",
)  # where others were asked for
CROSS_CHECK = "frechet_inception_distance_pytorch_fid"


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """The scores of the metrics that could be had and, for each that could not, why."""

    scores: dict[str, Score]
    missing: dict[str, str]


class Evaluator:
    """Metrics samples as `config` says; networks, reference features and what is missing are found out once."""

    def __init__(
        self,
        config: MetricsConfig,
        load_data: Callable[[], PreparedDataset],
        device: torch.device,
        seed: int,
        *,
        points: bool = False,  # the data are no images
    ) -> None:
        self.config, self.load_data, self.device, self.seed, self.points = config, load_data, device, seed, points
        self.missing: dict[str, str] = {}
        self.weights: InceptionWeights | None = None
        self.metrics = self._possible(list(config.names))
        keep = {METRICS[name].network for name in self.metrics if METRICS[name].keeps_features}
        self.features = FeatureSource(config, lambda: self.dataset, device, self.weights, keep)

    @cached_property
    def dataset(self) -> PreparedDataset:
        """The real images, loaded (and prepared) only once a metric that uses them is known to be possible."""
        return self.load_data()

    @cached_property
    def reference(self) -> ImageSet | None:
        """Real images to compare with."""
        if not any(METRICS[name].reference for name in self.metrics):
            return None
        return real_images(self.dataset, self.config.reference_split, self.config.reference_samples)

    @cached_property
    def held_out(self) -> ImageSet | None:
        """Real images that were not trained on."""
        return real_images(self.dataset, "test") if any(METRICS[name].held_out for name in self.metrics) else None

    @cached_property
    def modes(self) -> Modes | None:
        """Where the modes of points are known to lie."""
        known = self.dataset.modes if self.points else None
        return None if known is None else Modes(*map(torch.from_numpy, known))

    def _possible(self, names: list[str]) -> list[str]:
        """The metrics; those that want images replaced where there are points, or Inception without its weights."""
        if self.points:
            out = [name for name in names if not METRICS[name].points]
            return self._replaced(names, out, OF_POINTS, "points are no images") if out else names
        if any(METRICS[name].network == "inception" for name in names):
            try:
                self.weights = inception_weights(self.config.inception_weights)
            except MetricUnavailable as error:
                out = [name for name in names if METRICS[name].network == "inception"]
                names = self._replaced(names, out, [METRICS[name].replacement for name in out], str(error))
        return names

    def _replaced(self, names: list[str], out: list[str], replacements: Sequence[str | None], reason: str) -> list[str]:
        instead = [other for other in replacements if other is not None and other not in names]
        self.missing |= dict.fromkeys(out, reason)
        log.warning(
            "%s; %s", reason, f"evaluating {', '.join(instead)} instead" if instead else "skipped what requires it"
        )
        return [name for name in names if name not in out] + list(dict.fromkeys(instead))

    def in_colours_of_data(self, samples: ImageSet) -> ImageSet:
        """`samples`, gray ones made RGB where they are compared with a set in colour."""
        compared = not self.points and any(_compares(METRICS[name]) for name in self.metrics)
        if not compared or self.dataset.image_shape != (3, *samples.images.shape[2:]) or samples.images.shape[1] != 1:
            return samples
        log.warning("images converted: %d in gray made RGB, as %s is in colour", len(samples), self.dataset.name)
        return dataclasses.replace(samples, key=f"{samples.key} RGB", images=np.repeat(samples.images, 3, axis=1))

    def check(self, samples: ImageSet) -> None:
        """Raise `UsageError` if these samples cannot be judged; nothing has been computed by then."""
        splits, count = self.config.inception_score_splits, len(samples)
        seen = not self.points and any(METRICS[name].network for name in self.metrics)
        if seen and samples.images.shape[1] not in (1, 3):
            raise UsageError(f"images: {samples.images.shape[1]} channels; networks see 1 (gray) or 3 (colour)")
        if {"inception_score", "classifier_score"} & set(self.metrics) and count < splits:
            raise UsageError(f"metrics.inception_score_splits={splits}: must be at most {count}, the number of samples")
        if count < 2:
            raise UsageError(f"images: only {count}; must be at least 2")
        compared = [name for name in self.metrics if _compares(METRICS[name])]
        if compared and samples.images.shape[1:] != self.dataset.image_shape:
            raise UsageError(
                f"images: {describe_shape(samples.images.shape[1:])}, but dataset={self.dataset.name} holds "
                f"{describe_shape(self.dataset.image_shape)}; {compared[0]} compares like with like"
            )

    def evaluate(self, samples: ImageSet, discriminator: EvalDiscriminator | None = None) -> EvaluationResult:
        """Every metric of these samples that can be had."""
        self.check(samples)
        inputs = MetricInputs(
            samples,
            self.reference,
            self.features.of,
            self.held_out,
            discriminator,
            self.seed,
            dataclasses.asdict(self.config),
            partial(train_independent_critic, device=self.device),
            modes=self.modes,
            device=self.device,
        )
        scores, missing = {}, dict(self.missing)
        for name in self.metrics:
            try:
                _require(name, inputs)
                scores[name] = METRICS[name].compute(inputs)
            except MetricUnavailable as error:
                missing[name] = str(error)
        if self.config.cross_check and "frechet_inception_distance" in scores:
            scores[CROSS_CHECK] = self._cross_check(samples, scores["frechet_inception_distance"])
        if samples.split is None:  # the next samples are others
            self.features.forget(samples)
        return EvaluationResult(scores, missing)

    def _cross_check(self, samples: ImageSet, ours: Score) -> Score:
        from improved_gan.metrics.pytorch_fid_check import pytorch_fid

        assert self.reference is not None and self.weights is not None
        value = pytorch_fid(
            samples.images,
            self.reference.images,
            self.weights.path,
            device=self.device,
            batch_size=self.features.batch_size,
        )
        return dataclasses.replace(ours, value=value, network=f"{ours.network} by pytorch-fid")


def _compares(metric: Metric) -> bool:
    return metric.reference or metric.held_out or metric.modes or metric.network == "classifier"


def _require(name: str, inputs: MetricInputs) -> None:
    """Raise `MetricUnavailable` unless `inputs` holds what the metric says that it needs."""
    metric, real_sets = METRICS[name], (inputs.held_out, inputs.reference)
    lacking = {
        "real images to compare with": metric.reference and inputs.reference is None,
        "real images that were not trained on": metric.held_out and inputs.held_out is None,
        "labels": metric.labels and all(real is None or real.labels is None for real in real_sets),
        "the known modes of points": metric.modes and inputs.modes is None,
        "a run's discriminator": metric.discriminator and inputs.discriminator is None,
    }
    missing = [what for what, lacks in lacking.items() if lacks]
    if missing:
        raise MetricUnavailable(f"requires {' and '.join(missing)}")
