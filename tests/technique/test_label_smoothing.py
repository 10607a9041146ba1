"""Section 3.4's label smoothing: the targets, and the discriminator that they ask for."""

import math

import pytest
from formulas import draws

from improved_gan.composing import compose_jobs
from improved_gan.objective import Outputs
from improved_gan.objective.non_saturating import non_saturating
from improved_gan.technique.label_smoothing import Config, targets
from improved_gan.tensors import Targets


def test_targets_are_the_configs_in_the_place_of_1_0_and_1() -> None:
    assert targets(Config(True, 0.75, 0.1, 0.375), Targets()) == (0.75, 0.1, 0.375)
    assert Targets() == (1.0, 0.0, 1.0)


@pytest.mark.parametrize("real_target", [1.0, 0.9, 0.75])
def test_the_best_discriminator_is_alpha_times_the_reals_share(real_target: float) -> None:
    """The minimum over D, found by search, of the loss at a point where p_data = .3 and p_model = .5."""
    p_data, p_model = 0.3, 0.5

    def loss(d: float) -> float:
        real = -real_target * math.log(d) - (1 - real_target) * math.log(1 - d)
        return p_data * real - p_model * math.log(1 - d)

    best = min((k / 100_000 for k in range(1, 100_000)), key=loss)
    assert best == pytest.approx(real_target * p_data / (p_data + p_model), abs=2e-5)


def test_two_sided_smoothing_is_its_formula() -> None:
    real, fake = draws(6, 1), draws(6, 1, seed=1)
    config = compose_jobs(["objective=non_saturating", "technique=none"])[0].config.objective
    outputs = [Outputs(logits, logits) for logits in (real, fake)]
    loss = non_saturating(config).discriminator_loss(*outputs, Targets(real=0.9, fake=0.1))
    terms = [-t * math.log(d) - (1 - t) * math.log(1 - d) for values, t in ((real, 0.9), (fake, 0.1))
             for d in values.sigmoid().flatten().tolist()]  # fmt: skip
    assert float(loss) == pytest.approx(sum(terms) / 6)
