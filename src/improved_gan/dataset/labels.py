"""Which training images count as labelled, and which are held out: decided by seeds of their own, not by the run's."""

import numpy as np
from jaxtyping import Int, Int64

from improved_gan.schema import UsageError

VALIDATION_SEED = 0


def labelled_indices(labels: Int[np.ndarray, " image"], per_class: int, seed: int) -> Int64[np.ndarray, " labelled"]:
    """Indices of `per_class` images of each class, class by class, as the authors' code chooses them.

    The set is permuted by `RandomState(seed)`, then the first `per_class` of each class are taken, so subsets of one
    seed are nested. Raises `UsageError` where a class has fewer.
    """
    counts = np.bincount(labels)
    if per_class > counts.min():
        raise UsageError(
            f"dataset.labels_per_class={per_class}: class {counts.argmin()} has {counts.min()} training images; "
            "ask for no more than that"
        )
    order = np.random.RandomState(seed).permutation(len(labels))
    return np.concatenate([order[labels[order] == number][:per_class] for number in range(len(counts))])


def held_out(
    count: int, validation_images: int
) -> tuple[Int64[np.ndarray, " training"], Int64[np.ndarray, " validation"]]:
    """Indices 0..count-1 split into those to train on and those held out, both ascending.

    Held out are the last `validation_images` of one fixed permutation, so a larger number holds out the same and more.
    """
    if validation_images >= count:
        raise UsageError(f"dataset.validation_images={validation_images}: must be below {count}, the training images")
    order = np.random.RandomState(VALIDATION_SEED).permutation(count)
    return np.sort(order[: count - validation_images]), np.sort(order[count - validation_images :])
