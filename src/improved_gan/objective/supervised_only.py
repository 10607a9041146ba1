"""The baseline of the semi-supervised comparison: the same K logits, taught by the labels alone, and no generator."""

from improved_gan.objective.record import Config, ObjectiveRecord, Supervised, wants
from improved_gan.objective.semi_supervised import class_count
from improved_gan.tensors import Tensor


def supervised_only(config: Config) -> Supervised:
    """L = labelled_weight times the cross-entropy over K classes."""

    def labelled_loss(logits: Tensor, labels: Tensor) -> Tensor:
        from torch.nn import functional

        return config.labelled_weight * functional.cross_entropy(logits, labels)

    return Supervised(
        logits=lambda classes: class_count("supervised_only", classes),
        class_logits=lambda logits: logits,
        labelled_loss=labelled_loss,
    )


OBJECTIVE = ObjectiveRecord(
    build=supervised_only,
    check=wants(generator_loss=(None,), unlabelled_weight=(0,)),
    kind=Supervised,
    needs_classes=True,
)
