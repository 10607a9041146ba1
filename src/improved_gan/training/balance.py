"""Adaptive balance: the stronger player waits until the other has caught up.

The discriminator's accuracy a is the mean share of reals that it calls real and of generated images that it calls
generated; the generator's is 1 - a. Each update of the discriminator measures a afresh before it changes anything. A
player is updated only while its own accuracy is under the bound, so with a bound above 1/2 never both of them wait.
"""

from torch import Tensor

from improved_gan.distributed import averaged


class AdaptiveBalance:
    """Says which player moves, and counts the updates that were skipped; without a bound (null) both always move."""

    def __init__(self, bound: float | None) -> None:
        self.bound = bound
        self.skipped = {"discriminator": 0, "generator": 0}
        self._accuracy = 0.5  # the discriminator's, in this step

    def should_update_discriminator(self, accuracy: Tensor) -> bool:
        """Whether a discriminator of this accuracy on the batch at hand is to be updated."""
        if self.bound is None:
            return True
        self._accuracy = float(averaged(accuracy))
        return self._counted("discriminator", self._accuracy < self.bound)

    def should_update_generator(self) -> bool:
        """Whether the generator is to be updated against the discriminator that was asked last."""
        return self.bound is None or self._counted("generator", 1 - self._accuracy < self.bound)

    def _counted(self, player: str, moves: bool) -> bool:
        self.skipped[player] += not moves
        return moves

    def counts(self) -> dict[str, int]:
        """`<player>_updates_skipped` since the run began; nothing without a bound."""
        if self.bound is None:
            return {}
        return {f"{player}_updates_skipped": count for player, count in self.skipped.items()}
