"""Only the best samples: those whose own part of a score, KL(p(y|x) || p(y)), is largest (the paper's section 6.2)."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from improved_gan.config import MetricsConfig, UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.devices import choose_device
from improved_gan.evaluation.features import FeatureSource
from improved_gan.metrics.inception_weights import inception_weights
from improved_gan.metrics.inputs import ImageSet, MetricUnavailable

NETWORKS = {"inception_score": "inception", "classifier_score": "classifier"}


def divergence_from_marginal(logits: Float[Tensor, "n classes"]) -> Float64[Tensor, " n"]:
    """KL(p(y|x) || p(y)) of each image in nats, p(y) being the mean over these images; exp of its mean is the score."""
    log_p = logits.double().log_softmax(dim=1)
    marginal = log_p.exp().mean(dim=0)
    return (log_p.exp() * (log_p - marginal.log())).sum(dim=1)


def best_images(
    generated: Mapping[str, UInt8[np.ndarray, "n channel height width"]],
    percent: float,
    score: str,
    data: PreparedDataset,
    config: MetricsConfig,
    device: str,
) -> dict[str, UInt8[np.ndarray, "m channel height width"]]:
    """Keep of each generator the `percent` of its images with the largest part of `score`, in their order.

    Raises `UsageError` where the network that the score needs is unavailable.
    """
    network = NETWORKS[score]
    try:
        weights = inception_weights(config.inception_weights) if network == "inception" else None
        features = FeatureSource(config, lambda: data, choose_device(device), weights, {network})
        best = {}
        for name, images in generated.items():
            logits = features.of(network, ImageSet(name, name, images)).logits
            assert logits is not None
            count = math.ceil(len(images) * percent / 100)
            kept = divergence_from_marginal(logits).argsort(descending=True, stable=True)[:count]
            best[name] = images[kept.sort().values.numpy()]
        return best
    except MetricUnavailable as error:
        other = next(each for each in NETWORKS if each != score)
        raise UsageError(f"human_study.top_by={score}: {error}; {other} may do") from None
