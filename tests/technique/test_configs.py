"""conf/technique: one page of hyperparameters, and the paper's set of techniques as flips of it."""

import dataclasses
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from improved_gan.config import TechniqueConfig

CONF = Path(__file__).parents[2] / "conf"


def composed(name: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.merge(
            OmegaConf.structured({"technique": TechniqueConfig()}), compose(overrides=[f"+technique={name}"])
        )
    resolved = OmegaConf.to_container(config.technique, resolve=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    return resolved


def test_none_sets_every_key_and_enables_nothing() -> None:
    none = composed("none")
    assert set(none) == {field.name for field in dataclasses.fields(TechniqueConfig)}
    assert not any(technique["enabled"] for technique in none.values())
    history = none["historical_averaging"]
    assert history["weight"] == history["generator_weight"] == history["discriminator_weight"]


def test_our_methods_is_none_with_three_switched_on() -> None:
    none, ours = composed("none"), composed("our_methods")
    enabled = {name for name, technique in ours.items() if technique["enabled"]}
    assert enabled == {"minibatch_discrimination", "label_smoothing", "virtual_batch_norm"}
    for name in enabled:
        ours[name]["enabled"] = False
    assert ours == none
