"""Section 3.1 against its equation, written as loops in float64."""

import pytest
import torch

from improved_gan.technique.feature_matching import feature_matching_loss


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_value_and_gradient_are_those_of_the_loop(distance: str) -> None:
    torch.manual_seed(0)
    real = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    fake = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    total = torch.zeros((), dtype=torch.float64)
    for k in range(3):
        mean_real = sum((real[i, k] for i in range(5)), start=torch.zeros(())) / 5
        mean_fake = sum((fake[i, k] for i in range(7)), start=torch.zeros(())) / 7
        difference = mean_real - mean_fake
        total = total + (abs(difference) if distance == "absolute" else difference**2) / 3
    loss = feature_matching_loss(real, fake, distance)
    torch.testing.assert_close(loss, total, rtol=1e-13, atol=0)
    for gradient, wanted in zip(
        torch.autograd.grad(loss, [real, fake]), torch.autograd.grad(total, [real, fake]), strict=True
    ):
        torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-15)
    assert torch.autograd.gradcheck(lambda r, f: feature_matching_loss(r, f, distance), (real, fake))


def test_equal_means_are_a_match_even_if_nothing_else_is_equal() -> None:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[-8.0], [12.0]])
    assert feature_matching_loss(real, fake, "squared") == 0
