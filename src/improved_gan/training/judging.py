"""Everything that measures need, brought together: feature networks, real images, a run's discriminator, caches.

The measures themselves, in `metrics/`, are handed all this and know nothing of where it comes from.
"""

import dataclasses
import logging
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from improved_gan.config import MetricsConfig, RequestError
from improved_gan.dataset import PreparedDataset
from improved_gan.dataset.prepared import store_folders
from improved_gan.metrics.evidence import Evidence, ImageSet, Judge, MissingEvidence, Score
from improved_gan.metrics.extraction import FeatureNetwork, Features, extract
from improved_gan.metrics.inception_weights import InceptionWeights, inception_weights
from improved_gan.metrics.measure import MEASURES
from improved_gan.metrics.reference_cache import cached_features
from improved_gan.training.pair import Pair

log = logging.getLogger("improved_gan")
CROSS_CHECK = "frechet_inception_distance_pytorch_fid"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The scores of the measures that could be had and, for each that could not, why."""

    scores: dict[str, Score]
    missing: dict[str, str]


class Judging:
    """Measures samples as `config` says; networks, reference features and what is missing are found out once."""

    def __init__(
        self, config: MetricsConfig, load_data: Callable[[], PreparedDataset], device: torch.device, seed: int
    ) -> None:
        self.config, self.load_data, self.device, self.seed = config, load_data, device, seed
        self.missing: dict[str, str] = {}
        self.weights: InceptionWeights | None = None
        self.networks: dict[str, FeatureNetwork] = {}
        self.measures = self._find_networks(list(config.measures))
        self.keep = {MEASURES[name].network for name in self.measures if MEASURES[name].keeps_features}
        self.remembered: dict[tuple[str, str], Features] = {}

    @property
    def batch_size(self) -> int:
        """Images at a time through a network."""
        return self.config.batch_size or (8 if self.device.type == "cpu" else 128)

    @cached_property
    def dataset(self) -> PreparedDataset:
        """The real images, loaded (and prepared) only once a measure that uses them is known to be possible."""
        return self.load_data()

    @cached_property
    def reference(self) -> ImageSet | None:
        """Real images to compare with."""
        if not any(MEASURES[name].reference for name in self.measures):
            return None
        return self._real(self.config.reference_split, self.config.reference_samples)

    @cached_property
    def held_out(self) -> ImageSet | None:
        """Real images that were not trained on."""
        return self._real("test", None) if any(MEASURES[name].held_out for name in self.measures) else None

    def _find_networks(self, names: list[str]) -> list[str]:
        """Load the networks that measures want; returns the measures, replaced where Inception cannot be had."""
        if any(MEASURES[name].network == "inception" for name in names):
            try:
                self.weights = inception_weights(self.config.inception_weights)
                self.networks["inception"] = self._inception(self.weights)
            except MissingEvidence as error:
                names = self._replaced(names, str(error))
        if any(MEASURES[name].network == "classifier" for name in names):
            try:
                self.networks["classifier"] = self._classifier()
            except MissingEvidence as error:
                self.missing |= {name: str(error) for name in names if MEASURES[name].network == "classifier"}
        return [name for name in names if name not in self.missing]

    def _replaced(self, names: list[str], reason: str) -> list[str]:
        out = [name for name in names if MEASURES[name].network == "inception"]
        instead = [other for name in out if (other := MEASURES[name].replacement) in MEASURES and other not in names]
        self.missing |= dict.fromkeys(out, reason)
        log.warning(
            "%s; %s", reason, f"measuring {', '.join(instead)} instead" if instead else "left out what needs it"
        )
        return [name for name in names if name not in out] + instead

    def _inception(self, weights: InceptionWeights) -> FeatureNetwork:
        from improved_gan.metrics.inception import Inception

        config = self.config
        return Inception(
            weights.state,
            weights.checksum,
            device=self.device,
            batch_size=self.batch_size,
            precision=config.inception_precision,
        )

    def _classifier(self) -> FeatureNetwork:
        raise MissingEvidence("no classifier")

    def _real(self, split: str, count: int | None) -> ImageSet | None:
        """Images of the data set: the first `count`, or evenly spread ones where it is sorted by class."""
        images = {"train": self.dataset.train, "test": self.dataset.test}[split]
        if images is None:
            return None
        total = len(images.images)
        count = min(count or total, total)
        ordered = images.labels is not None and bool((np.diff(images.labels) >= 0).all())
        chosen = np.arange(count) * total // count if ordered else np.arange(count)
        return ImageSet(
            self.dataset.name,
            f"{self.dataset.checksum} {split} {'spread' if ordered else 'first'} {count} of {total}",
            images.images[:count] if not ordered or count == total else images.images[chosen],
            None if images.labels is None else np.asarray(images.labels[chosen]),
            split,
        )

    def features_of(self, network: str, images: ImageSet) -> Features:
        """Features by the network of that name; those of a data set are kept on disk."""
        found = self.remembered.get((network, images.key))
        if found is None:
            found = self._features(network, images)
            self.remembered[network, images.key] = found
        return found

    def _features(self, network: str, images: ImageSet) -> Features:
        extractor, keep = self.networks[network], network in self.keep
        splits = min(self.config.splits, len(images))

        def compute() -> Features:
            return extract(extractor, images.images, splits=splits, keep=keep, description=f"{network}: {images.name}")

        if images.split is None:  # not of a data set
            return compute()
        key = f"{images.key}, {extractor.name}, {splits} splits"
        return cached_features(_cache_folder(self.dataset), key, keep=keep, compute=compute)

    def check(self, samples: ImageSet) -> None:
        """Raise `RequestError` if these samples cannot be judged; nothing has been computed by then."""
        splits, count = self.config.splits, len(samples)
        if any(MEASURES[name].network for name in self.measures) and samples.images.shape[1] not in (1, 3):
            raise RequestError(f"images: {samples.images.shape[1]} channels; networks see 1 (gray) or 3 (colour)")
        if "inception_score" in self.measures and count < splits:
            raise RequestError(f"metrics.splits={splits}: must be at most {count}, the number of samples")
        if count < 2:
            raise RequestError(f"images: only {count}; at least 2 are needed")
        compared = [name for name in self.measures if MEASURES[name].reference]
        if compared and self.reference is not None and samples.images.shape[1:] != self.reference.images.shape[1:]:
            channels, height, width = samples.images.shape[1:]
            raise RequestError(
                f"images: {height}x{width} with {channels} channels, but dataset={self.reference.name} holds "
                f"{list(self.reference.images.shape[1:])}; {compared[0]} compares like with like"
            )

    def judge(self, samples: ImageSet, judge: Judge | None = None) -> Verdict:
        """Every measure of these samples that can be had."""
        self.check(samples)
        evidence = Evidence(
            samples,
            self.reference,
            self.features_of,
            self.held_out,
            judge,
            self.seed,
            dataclasses.asdict(self.config),
        )
        scores, missing = {}, dict(self.missing)
        for name in self.measures:
            try:
                _require(name, evidence)
                scores[name] = MEASURES[name].compute(evidence)
            except MissingEvidence as error:
                missing[name] = str(error)
        if self.config.cross_check and "frechet_inception_distance" in scores:
            scores[CROSS_CHECK] = self._cross_check(samples, scores["frechet_inception_distance"])
        return Verdict(scores, missing)

    def _cross_check(self, samples: ImageSet, ours: Score) -> Score:
        from improved_gan.metrics.pytorch_fid_check import pytorch_fid

        assert self.reference is not None and self.weights is not None
        value = pytorch_fid(
            samples.images,
            self.reference.images,
            self.weights.path,
            device=self.device,
            batch_size=self.batch_size,
        )
        return dataclasses.replace(ours, value=value, network=f"{ours.network} by pytorch-fid")


def _require(name: str, evidence: Evidence) -> None:
    """Raise `MissingEvidence` unless `evidence` holds what the measure says that it needs."""
    measure, real_sets = MEASURES[name], (evidence.held_out, evidence.reference)
    lacking = {
        "real images to compare with": measure.reference and evidence.reference is None,
        "real images that were not trained on": measure.held_out and evidence.held_out is None,
        "labels": measure.labels and all(real is None or real.labels is None for real in real_sets),
        "a run's discriminator": measure.judge and evidence.judge is None,
    }
    missing = [what for what, lacks in lacking.items() if lacks]
    if missing:
        raise MissingEvidence(f"needs {' and '.join(missing)}")


def _cache_folder(dataset: PreparedDataset) -> Path:
    """Beside the prepared images, or in the user's cache folder where that is read-only."""
    if os.access(dataset.folder, os.W_OK):
        return dataset.folder / "features"
    return store_folders(None)[0] / "features"


def judge_of(pair: Pair, *, offset: float, scale: float, batch_size: int, device: torch.device) -> Judge:
    """The pair's discriminator with its averaged weights, in batches of the size it was trained with."""

    @torch.no_grad()
    def logits(images: UInt8[np.ndarray, "n channel height width"]) -> Float[Tensor, "n output"]:
        network, found = pair.discriminator, []
        training = network.training
        network.eval()
        with pair.discriminator_player.averaged():
            for start in range(0, len(images), batch_size):
                batch = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
                found.append(network((batch.float() - offset) / scale)[0].logits.float().cpu())
        network.train(training)
        return torch.cat(found)

    def through(what: Callable[[Tensor], Tensor]) -> Callable[[np.ndarray], Tensor]:
        return lambda images: what(logits(images))

    objective = pair.objective
    classes = through(objective.class_logits) if objective.uses_labels else None
    return Judge(through(objective.realness), classes, batch_size)
