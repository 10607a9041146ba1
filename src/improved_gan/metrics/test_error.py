"""Test error of a discriminator that knows classes: the metric of the paper's Tables 1 and 2."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from improved_gan.metrics.inputs import MetricInputs, MetricUnavailable, Score


def count_errors(class_logits: Float[Tensor, "n classes"], labels: Int[Tensor, " n"]) -> int:
    """How many of the n images the most probable class is wrong for."""
    return int((class_logits.argmax(dim=1) != labels).sum())


def ensemble_errors(class_logits: Float[Tensor, "run n classes"], labels: Int[Tensor, " n"]) -> int:
    """Errors of several runs together, by the mean of their class probabilities; the paper names no way."""
    return count_errors(class_logits.softmax(dim=2).mean(dim=0).log(), labels)


def test_error(inputs: MetricInputs) -> Score:
    """`test_error`: of the run's own discriminator on images that it was not trained on."""
    discriminator, held_out = inputs.discriminator, inputs.held_out
    assert discriminator is not None and held_out is not None and held_out.labels is not None
    if discriminator.class_logits is None:
        raise MetricUnavailable("the discriminator knows no classes")
    labels = torch.from_numpy(np.array(held_out.labels))
    errors = count_errors(discriminator.class_logits(held_out.images), labels)
    return Score(
        errors / len(labels),
        samples=len(labels),
        of_generator=False,
        network="discriminator",
        reference=held_out.name,
        reference_samples=len(held_out),
        split=held_out.split,
        details={"errors": errors, "judging_batch_size": discriminator.batch_size},
    )
