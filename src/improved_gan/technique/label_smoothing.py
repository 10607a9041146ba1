"""One-sided label smoothing (section 3.4): the discriminator's target for real data is alpha < 1, for generated data 0.

With targets alpha for real and beta for generated data the best discriminator is

    D(x) = (alpha p_data(x) + beta p_model(x)) / (p_data(x) + p_model(x)).

With beta > 0 a generated example where p_data is near 0 has no reason to move, so only the real target is smoothed.
Two-sided smoothing (beta = .1, say) is there as the contrast that the section warns of. The
targets are arguments of the objectives' losses. On ImageNet, and nowhere else, the release gives the generator a
target below 1 too: alpha / 2.
"""

from typing import NamedTuple

from improved_gan.config import LabelSmoothingConfig


class SmoothedTargets(NamedTuple):
    """The probabilities of "real" that each player is asked for, in [0, 1]."""

    real: float  # the discriminator's, for real data
    fake: float  # and for generated data: 0, unless smoothing is two-sided
    generator: float  # the generator's, for its own images


def smoothed_targets(config: LabelSmoothingConfig) -> SmoothedTargets:
    """The config's targets where label smoothing is enabled, else 1, 0 and 1."""
    if not config.enabled:
        return SmoothedTargets(1.0, 0.0, 1.0)
    return SmoothedTargets(config.real_target, config.fake_target, config.generator_target)
