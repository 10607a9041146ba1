"""Inception score's and FID's formulas over a classifier of the data set's own labels: other numbers and names."""

from improved_gan.metrics.frechet_distance import frechet_score
from improved_gan.metrics.inception_score import score_of_splits
from improved_gan.metrics.inputs import MetricInputs, Score


def classifier_score(inputs: MetricInputs) -> Score:
    """`classifier_score`: exp(E KL(p(y|x) || p(y))), from 1 to the number of classes."""
    return score_of_splits(inputs, "classifier")


def frechet_classifier_distance(inputs: MetricInputs) -> Score:
    """`frechet_classifier_distance`: over the classifier's pooled features."""
    return frechet_score(inputs, "classifier")
