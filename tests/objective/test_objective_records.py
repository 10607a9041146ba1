"""Each objective is one file that says what it can do before anything is built, and without torch."""

import subprocess
import sys
from dataclasses import fields

import pytest

from improved_gan.composing import compose_jobs
from improved_gan.config import ObjectiveConfig, UsageError
from improved_gan.objective import Config, build_objective, objectives


def test_every_objective_is_imported_without_torch() -> None:
    check = "import sys; from improved_gan.objective import objectives; objectives(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("name", objectives())
def test_a_record_says_what_is_built(name: str) -> None:
    record = objectives()[name]
    built = build_objective(compose_jobs([f"objective={name}", "technique=none"])[0].config.objective)
    assert type(built) is record.kind
    assert record.decodes == (
        record.kind.__name__ == "Reconstruction" or getattr(built, "discriminator_decodes", False)
    )


def test_the_runs_config_has_the_keys_of_every_objective() -> None:
    keys = {key.name: key for key in fields(ObjectiveConfig)}
    for name, record in objectives().items():
        own = {key.name for key in fields(record.config)} - {key.name for key in fields(Config)}
        assert own <= set(keys) and all(keys[key].metadata["owner"] == name for key in own)


def test_a_key_of_another_objective_is_refused_naming_whose_it_is() -> None:
    with pytest.raises(
        UsageError, match=r"objective\.generated_logit=fixed: has no effect without objective=semi_supervised"
    ):
        compose_jobs(["objective=hinge", "objective.generated_logit=fixed", "technique=none"])
    with pytest.raises(UsageError, match=r"objective\.name=hing: must be one of autoencoder, energy_based, hinge"):
        compose_jobs(["objective.name=hing"])
