from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from improved_gan.nodes import ArchitectureConfig

CONF = Path(__file__).parents[2] / "conf" / "architecture"


@pytest.fixture
def architecture() -> Callable[..., ArchitectureConfig]:
    """`architecture(name, key=value)`: the values of `conf/architecture/<name>.yaml` with some changed."""

    def read(name: str, **changes: Any) -> ArchitectureConfig:
        schema = OmegaConf.structured(ArchitectureConfig)
        config = OmegaConf.to_object(OmegaConf.merge(schema, OmegaConf.load(CONF / f"{name}.yaml"), changes))
        assert isinstance(config, ArchitectureConfig)
        return config

    return read


class Closeness(nn.Module):
    """Stands in for a minibatch layer: appends three copies of the mean of the example's own batch."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.out_features = in_features + 3
        self.initialising = False

    def forward(self, *features: Tensor) -> list[Tensor]:
        return [torch.cat([f, f.mean().expand(len(f), 3)], 1) for f in features]


class LayerNorm(nn.Module):
    """Stands in for another normalisation: no example sees another."""

    def __init__(self, channels: int, epsilon: float = 1e-6, scale: bool = False) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_parameter("scale", nn.Parameter(torch.ones(channels)) if scale else None)

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *[1] * (x.ndim - 2))
        y = nn.functional.layer_norm(x, x.shape[1:], eps=self.epsilon)
        return y * (1 if self.scale is None else self.scale.view(shape)) + self.shift.view(shape)


@pytest.fixture
def closeness() -> Callable[[int], nn.Module]:
    return Closeness


@pytest.fixture
def layer_norm() -> Callable[..., nn.Module]:
    return LayerNorm
