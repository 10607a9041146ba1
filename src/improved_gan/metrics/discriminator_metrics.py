"""Can a discriminator tell the samples from reals? The run's own, a freshly trained one, and whether it overfits."""

import math

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor
from torch.nn import functional as F

from improved_gan.metrics.inputs import EvalDiscriminator, MetricInputs, MetricUnavailable, Score

FEW = 500  # images a side: cheap enough for every epoch


def classified_real(real_score: Float[Tensor, " n"]) -> float:
    """Return the share of images that D classifies as real (D > 1/2), from its logits."""
    return float((real_score > 0).double().mean())


def accuracy(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> float:
    """Share of right answers when reals and samples come up equally often; 0.5 is guessing."""
    return (classified_real(real) + 1 - classified_real(fake)) / 2


def mean_log_sigmoid(real_score: Float[Tensor, " n"]) -> float:
    """E log D in nats, at most 0, from the logits of D."""
    return float(F.logsigmoid(real_score.double()).mean())


def halves(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """A random half of `count` images to train on and the other half to test on."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[: count // 2], order[count // 2 :]


def real_vs_fake_ratio(inputs: MetricInputs) -> Score:
    """`real_vs_fake_ratio`: the share of samples that the run's discriminator classifies as real."""
    details = {"judging_batch_size": _discriminator(inputs).batch_size}
    return Score(classified_real(_of_samples(inputs)), network="discriminator", details=details)


def discriminator_accuracy(inputs: MetricInputs) -> Score:
    """`discriminator_accuracy`: of the run's own discriminator on held-out reals and samples."""
    discriminator, held_out = _discriminator(inputs), inputs.held_out
    assert held_out is not None
    real = discriminator.real_score(held_out.images)
    return Score(
        accuracy(real, _of_samples(inputs)),
        network="discriminator",
        reference=held_out.name,
        reference_samples=len(held_out),
        split=held_out.split,
        details={"held_out_classified_real": classified_real(real), "judging_batch_size": discriminator.batch_size},
    )


def discriminator_overfitting(inputs: MetricInputs) -> Score:
    """`discriminator_overfitting`: E log D(training reals) - E log D(held-out reals), in nats."""
    discriminator, train, held_out = _discriminator(inputs), inputs.reference, inputs.held_out
    assert train is not None and held_out is not None
    if train.split != "train":
        raise MetricUnavailable("requires metrics.reference_split=train")
    if not discriminator.gives_probability:
        raise MetricUnavailable("requires a discriminator whose output is a probability")
    known, fresh = mean_log_d(discriminator, train.images), mean_log_d(discriminator, held_out.images)
    return Score(
        known - fresh,
        samples=min(FEW, len(held_out)),
        of_generator=False,
        network="discriminator",
        reference=train.name,
        reference_samples=min(FEW, len(train)),
        split="train and test",
        details={"log_d_train": known, "log_d_held_out": fresh},
    )


def mean_log_d(discriminator: EvalDiscriminator, images: Real[np.ndarray, "n channel height width"]) -> float:
    """E log D over the first images of a set."""
    return mean_log_sigmoid(discriminator.real_score(images[:FEW]))


def real_vs_fake_accuracy(inputs: MetricInputs) -> Score:
    """`real_vs_fake_accuracy`: of a discriminator trained afresh on half of held-out reals and samples, on the rest."""
    held_out = inputs.held_out
    assert held_out is not None and inputs.train_critic is not None
    count = min(len(held_out), len(inputs.samples))
    train, test = halves(count, inputs.seed)
    real_score = inputs.train_critic("discriminator", held_out.images[train], inputs.samples.images[train], inputs.seed)
    right = accuracy(real_score(held_out.images[test]), real_score(inputs.samples.images[test]))
    return Score(
        right,
        math.sqrt(right * (1 - right) / (2 * len(test))),
        f"{2 * len(test)} answers",
        "stderr",
        samples=len(test),
        network="fresh discriminator",
        reference=held_out.name,
        reference_samples=len(test),
        split=held_out.split,
        details={"trained_on": 2 * len(train)},
    )


def _discriminator(inputs: MetricInputs) -> EvalDiscriminator:
    assert inputs.discriminator is not None
    return inputs.discriminator


def _of_samples(inputs: MetricInputs) -> Float[Tensor, " n"]:
    return inputs.once("real_score of samples", lambda: _discriminator(inputs).real_score(inputs.samples.images))
