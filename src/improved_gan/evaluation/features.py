"""Features of image sets: networks are loaded at the first need of them, features of data sets kept on disk."""

from collections.abc import Callable, Collection

import torch

from improved_gan.config import MetricsConfig
from improved_gan.dataset import PreparedDataset
from improved_gan.evaluation.classifier import classifier_of
from improved_gan.evaluation.reference_set import cache_folder
from improved_gan.metrics.extraction import FeatureExtractor, Features, extract
from improved_gan.metrics.inception_weights import InceptionWeights
from improved_gan.metrics.inputs import ImageSet, MetricUnavailable
from improved_gan.metrics.reference_cache import cached_features


class FeatureSource:
    """Extracts each image set's features once for each network; `inception` needs weights, `classifier` a data set."""

    def __init__(
        self,
        config: MetricsConfig,
        dataset: Callable[[], PreparedDataset],
        device: torch.device,
        weights: InceptionWeights | None,
        keep: Collection[str | None],  # names of networks whose features of single images are wanted
    ) -> None:
        self.config, self.dataset, self.device, self.weights, self.keep = config, dataset, device, weights, keep
        self._networks: dict[str, FeatureExtractor] = {}
        self._remembered: dict[tuple[str, str], Features] = {}

    @property
    def batch_size(self) -> int:
        """Images at a time through Inception; 64 are fastest on a CPU, and a GPU wants more to do."""
        return self.config.batch_size or (64 if self.device.type == "cpu" else 256)

    def of(self, network: str, images: ImageSet) -> Features:
        """Features by the network of that name; those of a data set are kept on disk."""
        found = self._remembered.get((network, images.key))
        if found is None:
            found = self._features(network, images)
            self._remembered[network, images.key] = found
        return found

    def forget(self, images: ImageSet) -> None:
        """Give back the memory that the features of `images` take."""
        self._remembered = {key: found for key, found in self._remembered.items() if key[1] != images.key}

    def _features(self, network: str, images: ImageSet) -> Features:
        extractor, keep = self._network(network), network in self.keep
        splits = min(self.config.inception_score_splits, len(images))

        def compute() -> Features:
            return extract(extractor, images.images, splits=splits, keep=keep, description=f"{network}: {images.name}")

        if images.split is None:  # not of a data set
            return compute()
        key = f"{images.key}, {extractor.name}, {splits} splits"
        return cached_features(cache_folder(self.dataset()), key, keep=keep, compute=compute)

    def _network(self, name: str) -> FeatureExtractor:
        """The network of that name, loaded (a classifier: trained, if it never was) at the first call."""
        if name not in self._networks:
            self._networks[name] = self._classifier() if name == "classifier" else self._inception()
        return self._networks[name]

    def _classifier(self) -> FeatureExtractor:
        data = self.dataset()
        classifier = classifier_of(data, cache_folder(data), self.device, self.config.batch_size)
        if classifier.accuracy < (least := self.config.classifier_min_accuracy):
            raise MetricUnavailable(
                f"the classifier of {data.name} gets {classifier.accuracy:.2%} of held-out images right, "
                f"under metrics.classifier_min_accuracy={least:g}"
            )
        return classifier

    def _inception(self) -> FeatureExtractor:
        from improved_gan.metrics.inception import Inception

        assert self.weights is not None
        return Inception(
            self.weights.state,
            self.weights.checksum,
            device=self.device,
            batch_size=self.batch_size,
            precision=self.config.inception_precision,
        )
