"""The baseline of the semi-supervised comparison: the same K logits, taught by the labels alone, and no generator."""

from torch import Tensor
from torch.nn import functional

from improved_gan.config import ObjectiveConfig
from improved_gan.objective.record import Supervised
from improved_gan.objective.semi_supervised import class_count


def supervised_only(config: ObjectiveConfig) -> Supervised:
    """L = labelled_weight times the cross-entropy over K classes."""

    def labelled_loss(logits: Tensor, labels: Tensor) -> Tensor:
        return config.labelled_weight * functional.cross_entropy(logits, labels)

    return Supervised(
        logits=lambda classes: class_count("supervised_only", classes),
        class_logits=lambda logits: logits,
        labelled_loss=labelled_loss,
    )
