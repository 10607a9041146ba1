"""Inception score's and FID's formulas over a classifier of the data set's own labels: other numbers and names."""

import numpy as np
import torch

from improved_gan.metrics.evidence import Evidence, Score
from improved_gan.metrics.frechet_distance import frechet_score
from improved_gan.metrics.inception_score import inception_score
from improved_gan.metrics.mode_coverage import class_counts, divergence_from_uniform, modes_captured


def classifier_score(evidence: Evidence) -> Score:
    """`classifier_score`: exp(E KL(p(y|x) || p(y))), from 1 to the number of classes."""
    features = evidence.features("classifier")
    value, spread = inception_score(features.classes)
    splits = len(features.classes.counts)
    return Score(
        value,
        spread,
        f"{splits} contiguous splits",
        network=features.network,
        details={"splits": splits, "shuffled": False},
    )


def frechet_classifier_distance(evidence: Evidence) -> Score:
    """`frechet_classifier_distance`: over the classifier's pooled features."""
    return frechet_score(evidence, "classifier")


def modes(evidence: Evidence) -> Score:
    """`modes`: how many classes the classifier finds among the samples."""
    counts, network = _counts(evidence)
    return Score(float(modes_captured(counts)), network=network, details={"counts": counts.tolist()})


def mode_kl(evidence: Evidence) -> Score:
    """`mode_kl`: KL(classes of the samples || uniform), in nats; beside it, that of the reals' labels."""
    counts, network = _counts(evidence)
    reference, details = evidence.reference, {}
    if reference is not None and reference.labels is not None:
        real = class_counts(torch.from_numpy(np.array(reference.labels)), len(counts))
        details = {"of_reals": divergence_from_uniform(real)}
    return Score(divergence_from_uniform(counts), network=network, details=details)


def _counts(evidence: Evidence) -> tuple[torch.Tensor, str]:
    features = evidence.features("classifier")
    assert features.logits is not None
    return class_counts(features.logits.argmax(dim=1), features.logits.shape[1]), features.network
