"""Every technique is one file that holds one record, and is read without torch."""

import subprocess
import sys

import pytest

from improved_gan import registry
from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError


def test_every_technique_is_imported_without_torch() -> None:
    code = "import sys; from improved_gan import registry; registry.techniques(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("name", registry.techniques())
def test_a_record_fills_a_place_and_its_config_has_a_toggle(name: str) -> None:
    record = registry.techniques()[name]
    assert record.places()
    assert "enabled" in record.config.__dataclass_fields__


def test_an_exclusive_place_is_taken_once() -> None:
    both = ["technique.minibatch_stddev.enabled=true", "technique.minibatch_discrimination.enabled=true"]
    with pytest.raises(UsageError, match="takes the place of minibatch_discrimination"):
        compose_jobs(["technique=none", *both])


def test_a_technique_is_refused_where_the_objective_does_not_offer_its_place() -> None:
    with pytest.raises(UsageError, match="objective=supervised_only, which trains no generator"):
        compose_jobs(["technique=none", "objective=supervised_only", "technique.feature_matching.enabled=true"])
