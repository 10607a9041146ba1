"""Inception score, section 4 of the paper: exp(E_x KL(p(y|x) || p(y)))."""

import torch
from jaxtyping import Float64
from torch import Tensor

from improved_gan.metrics.extraction import ClassStatistics
from improved_gan.metrics.inputs import MetricInputs, Score


def inception_scores(classes: ClassStatistics) -> Float64[Tensor, " split"]:
    """The score of each split, from 1 to the number of classes, p(y) being the split's own mean.

    E KL = E sum_y p(y|x) log p(y|x) - sum_y p(y) log p(y).
    """
    marginal = classes.summed / classes.counts[:, None]
    return (classes.negentropy / classes.counts - torch.xlogy(marginal, marginal).sum(dim=1)).exp()


def inception_score(classes: ClassStatistics) -> tuple[float, float]:
    """Mean and population standard deviation over the splits, as the paper reports it."""
    scores = inception_scores(classes)
    return float(scores.mean()), float(scores.std(correction=0))


def inception_score_of(inputs: MetricInputs) -> Score:
    """`inception_score`: from logits without their bias, as the original graph has it."""
    return score_of_splits(inputs, "inception", logits="without bias")


def score_of_splits(inputs: MetricInputs, network: str, **details: str) -> Score:
    """The formula over the class probabilities that the network of that name gives the samples."""
    features = inputs.features(network)
    value, spread = inception_score(features.classes)
    splits = len(features.classes.counts)
    return Score(
        value,
        spread,
        f"{splits} contiguous splits",
        network=features.network,
        details={"splits": splits, "shuffled": False, **details},
    )
