"""One-sided label smoothing (section 3.4): the discriminator's target for real data is alpha < 1, for generated data 0.

With targets alpha for real and beta for generated data the best discriminator is

    D(x) = (alpha p_data(x) + beta p_model(x)) / (p_data(x) + p_model(x)).

With beta > 0 a generated example where p_data is near 0 has no reason to move, so only the real target is smoothed.
Two-sided smoothing (beta = .1, say) is there as the contrast that the section warns of. The
targets are arguments of the objectives' losses. On ImageNet, and nowhere else, the authors' code gives the generator a
target below 1 too: alpha / 2.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from improved_gan.schema import UsageError, number
from improved_gan.technique import Technique
from improved_gan.tensors import Targets


@dataclass
class Config:
    enabled: bool = MISSING
    real_target: float = number(above=0, maximum=1)
    fake_target: float = number(minimum=0, maximum=1)  # 0: one-sided, as in the paper
    generator_target: float = number(above=0, maximum=1)


def check(config: Config, run: Any) -> None:
    """Targets in the right order, and a generator's loss that has one."""
    if config.fake_target >= config.real_target:
        raise UsageError(
            f"technique.label_smoothing.fake_target={config.fake_target}: must be under real_target, "
            f"{config.real_target}"
        )
    if config.generator_target < 1 and run.objective.generator_loss == "saturating":
        raise UsageError(
            f"technique.label_smoothing.generator_target={config.generator_target}: the saturating generator loss "
            "has no target; use objective.generator_loss=non_saturating"
        )


def targets(config: Config, given: Targets) -> Targets:
    """The config's targets in the place of 1, 0 and 1."""
    return Targets(config.real_target, config.fake_target, config.generator_target)


TECHNIQUE = Technique(config=Config, check=check, targets=targets)
