"""What only the data can tell of a request: shapes, classes, and how many images there are."""

import numpy as np

from improved_gan.checks import describe_shape
from improved_gan.config import Config, UsageError
from improved_gan.dataset.labels import held_out, labelled_indices
from improved_gan.dataset.prepared import PreparedDataset
from improved_gan.objective import objectives


def check_against_data(config: Config, dataset: PreparedDataset) -> None:
    """Raise `UsageError` where `dataset` is not what the networks, the batches and the objective of `config` want."""
    if list(dataset.image_shape) != list(config.architecture.image_shape):
        raise UsageError(
            f"architecture={config.architecture.name}: makes {describe_shape(config.architecture.image_shape)}, "
            f"but {dataset.name} holds {describe_shape(dataset.image_shape)}"
        )
    kept = held_out(len(dataset.train.images), config.dataset.validation_images)[0]
    if len(kept) < config.training.batch_size:
        raise UsageError(
            f"training.batch_size={config.training.batch_size}: must be at most {len(kept)}, "
            f"the number of training images of {dataset.name}"
        )
    objective, labels = config.objective, dataset.train.labels
    if objectives()[objective.name].needs_classes and (dataset.classes or 0) < 2:
        raise UsageError(
            f"objective={objective.name}: requires a data set with two classes or more, and {dataset.name} has "
            f"{dataset.classes or 'none'}; use objective=non_saturating"
        )
    if objective.labelled_weight > 0:
        if labels is None:
            raise UsageError(
                f"objective={objective.name}: requires labels, and {dataset.name} has none; "
                "use objective=non_saturating"
            )
        if config.dataset.labels_per_class is not None and not objective.fully_labelled:
            labelled_indices(np.asarray(labels[kept]), config.dataset.labels_per_class, config.dataset.label_seed)
