"""Feature matching (section 3.1): the generator minimises || E_x f(x) - E_z f(G(z)) ||^2.

f are the features of an intermediate layer of the discriminator. This replaces the generator's loss. The release
averages over features where the paper sums, and on CIFAR-10 and SVHN takes absolute differences instead of squares.
"""

from jaxtyping import Float
from torch import Tensor


def feature_matching_loss(
    real_features: Float[Tensor, "real feature"], fake_features: Float[Tensor, "fake feature"], distance: str
) -> Float[Tensor, ""]:
    """Mean over features of the "absolute" or "squared" difference between the two batches' mean features."""
    difference = real_features.mean(0) - fake_features.mean(0)
    match distance:
        case "absolute":
            return difference.abs().mean()
        case "squared":
            return difference.square().mean()
        case _:
            raise AssertionError(f"distance={distance}")
