"""Every objective, technique and architecture trains as it did: losses and weights of short runs against kept ones."""

import json

import pytest
from short_runs import GOLDEN, cases, numbers_of

KEPT = json.loads(GOLDEN.read_text())


def test_every_case_has_its_numbers_and_no_number_is_left_over() -> None:
    assert set(KEPT) == set(cases())


@pytest.mark.parametrize("name", KEPT)
def test_a_short_run_gives_the_kept_numbers(name: str) -> None:
    found = numbers_of(cases()[name])
    assert found.keys() == KEPT[name].keys()
    for key, values in KEPT[name].items():
        assert found[key] == pytest.approx(values, rel=1e-4, abs=1e-6), key
