"""Weight clipping."""

import pytest
import torch

from improved_gan.technique import weight_clipping


def test_clipping_bounds_every_parameter_and_touches_none_within() -> None:
    parameter = torch.nn.Parameter(torch.tensor([-2.0, -0.5, 0.1, 3.0]))
    weight_clipping.constraint(weight_clipping.Config(enabled=True, limit=0.5))([parameter])
    assert parameter.tolist() == pytest.approx([-0.5, -0.5, 0.1, 0.5])
