"""What batches do to images, against cases whose answer is known."""

import pytest
import torch

from improved_gan.phenomenon.batch_effects import intraclass_correlation, within_batch_variance


def test_intraclass_correlation_is_the_share_of_a_common_part() -> None:
    torch.manual_seed(0)
    own, common = torch.randn(4000, 8, 3), torch.randn(4000, 1, 3)
    assert intraclass_correlation(own) == pytest.approx(0, abs=0.01)
    assert intraclass_correlation(own + 0.5 * common) == pytest.approx(0.25 / 1.25, abs=0.02)
    assert intraclass_correlation(own - own.mean(1, keepdim=True)) == pytest.approx(-1 / 7, abs=1e-3)


def test_companions_share_is_that_of_the_variance_within_a_latent() -> None:
    torch.manual_seed(0)
    latents, companions = torch.randn(2000, 1, 3), torch.randn(2000, 50, 3)
    assert within_batch_variance(latents.expand(-1, 50, -1)) == pytest.approx(0, abs=1e-9)
    assert within_batch_variance(companions) == pytest.approx(1, abs=0.03)
    assert within_batch_variance(latents + 0.5 * companions) == pytest.approx(0.25 / 1.25, abs=0.02)
