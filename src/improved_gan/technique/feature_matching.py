"""Feature matching (section 3.1): the generator minimises || E_x f(x) - E_z f(G(z)) ||^2.

f are the features of an intermediate layer of the discriminator. This replaces the generator's loss. The authors' code
averages over features where the paper sums, and on CIFAR-10 and SVHN takes absolute differences instead of squares.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from omegaconf import MISSING

from improved_gan.schema import one_of
from improved_gan.technique import Technique
from improved_gan.tensors import LossInputs, Tensor


@dataclass
class Config:
    enabled: bool = MISSING
    distance: str = one_of("absolute", "squared")


def generator_loss(config: Config) -> Callable[[LossInputs], Tensor]:
    """Mean features of generated images are to match those of real ones, which are constants for the gradient."""

    def loss(inputs: LossInputs) -> Tensor:
        import torch

        assert inputs.real is not None
        if inputs.discriminator.couples_batches:
            real, fake = inputs.discriminator.features(inputs.real, inputs.fake)
        else:
            with torch.no_grad():
                (real,) = inputs.discriminator.features(inputs.real)
            (fake,) = inputs.discriminator.features(inputs.fake)
        return feature_matching_loss(real.detach(), fake, config.distance)

    return loss


def feature_matching_loss(
    real_features: Float[Tensor, "real feature"], fake_features: Float[Tensor, "fake feature"], distance: str
) -> Float[Tensor, ""]:
    """Mean over features of the "absolute" or "squared" difference between the two batches' mean features."""
    import torch

    from improved_gan.distributed import group_mean, groups

    def of_group(real: Tensor, fake: Tensor) -> Tensor:
        difference = group_mean(real) - group_mean(fake)
        return difference.abs().mean() if distance == "absolute" else difference.square().mean()

    pairs = zip(groups(real_features), groups(fake_features), strict=True)
    return torch.stack([of_group(real, fake) for real, fake in pairs]).mean()


TECHNIQUE = Technique(config=Config, generator_loss=generator_loss, generator_sees_reals=True, couples_batch=True)
