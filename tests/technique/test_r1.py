"""R1 against its formula, gradients included."""

from formulas import penalises_squared_gradients

from improved_gan.technique.r1 import r1_penalty


def test_r1_is_half_its_weight_times_the_mean_squared_gradient_norm() -> None:
    penalises_squared_gradients(r1_penalty)
