import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improved_gan.config import UsageError
from improved_gan.dataset import held_out, labelled_indices


@given(seed=st.integers(0, 2**32 - 1), per_class=st.integers(1, 12))
def test_labelled_subset_is_the_releases_loop(seed: int, per_class: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(5), [12, 30, 13, 40, 20]))
    order, expected = np.random.RandomState(seed).permutation(len(labels)), []
    for number in range(5):
        taken = 0
        for index in order:
            if labels[index] == number and taken < per_class:
                expected.append(index)
                taken += 1
    assert labelled_indices(labels, per_class, seed).tolist() == expected


def test_labelled_subset_depends_on_its_seed() -> None:
    labels = np.repeat(np.arange(3), 50)
    assert labelled_indices(labels, 5, 1).tolist() != labelled_indices(labels, 5, 2).tolist()


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [([0, 0, 1, 2, 2], "class 1 has 1 training images"), ([0, 0, 2, 2], "class 1 has 0 training images")],
)
def test_a_class_with_too_few_labels_is_named(labels: list[int], complaint: str) -> None:
    with pytest.raises(UsageError, match=f"dataset.labels_per_class=2: {complaint}"):
        labelled_indices(np.array(labels), 2, seed=1)


def test_held_out_images_are_fixed_disjoint_and_nested() -> None:
    training, validation = held_out(1000, 100)
    assert sorted([*training, *validation]) == list(range(1000)) and len(validation) == 100
    assert validation[:5].tolist() == [9, 28, 42, 47, 53]  # for ever: figures chosen on them must stay comparable
    assert set(validation) < set(held_out(1000, 200)[1])
    assert held_out(1000, 0)[0].tolist() == list(range(1000))


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(UsageError, match=r"dataset.validation_images=10: must be below 10"):
        held_out(10, 10)
