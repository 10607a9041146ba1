"""What each player minimises, one file an objective; `record.py` says what they have in common."""

from collections.abc import Callable

from improved_gan import registry
from improved_gan.config import ObjectiveConfig, UsageError
from improved_gan.objective.autoencoder import autoencoder
from improved_gan.objective.energy_based import energy_based
from improved_gan.objective.hinge import hinge
from improved_gan.objective.least_squares import least_squares
from improved_gan.objective.minimax import minimax
from improved_gan.objective.non_saturating import non_saturating
from improved_gan.objective.record import Adversarial, Objective, Outputs, Reconstruction, Supervised, Targets
from improved_gan.objective.relativistic import relativistic
from improved_gan.objective.semi_supervised import semi_supervised
from improved_gan.objective.supervised_only import supervised_only
from improved_gan.objective.vae import vae
from improved_gan.objective.wasserstein import wasserstein

__all__ = ["Adversarial", "Objective", "Outputs", "Reconstruction", "Supervised", "Targets", "build_objective"]

OBJECTIVES: dict[str, Callable[[ObjectiveConfig], Objective]] = {
    "autoencoder": autoencoder,
    "energy_based": energy_based,
    "hinge": hinge,
    "least_squares": least_squares,
    "minimax": minimax,
    "non_saturating": non_saturating,
    "relativistic": relativistic,
    "semi_supervised": semi_supervised,
    "supervised_only": supervised_only,
    "vae": vae,
    "wasserstein": wasserstein,
    "wasserstein_gp": wasserstein,  # the same losses: conf/objective/wasserstein_gp.yaml bounds the critic otherwise
}


def build_objective(config: ObjectiveConfig) -> Objective:
    """The objective that the config names; UsageError for a key that contradicts the name."""
    match config.name:
        case "semi_supervised":
            _require(config, generated_logit=("fixed", "learned"), generator_loss=("saturating", "non_saturating"))
        case "supervised_only":
            _require(config, generated_logit=(None,), generator_loss=(None,), unlabelled_weight=(0,))
        case "non_saturating":
            _require(config, generated_logit=(None,), generator_loss=("non_saturating",), labelled_weight=(0,))
        case "minimax":
            _require(config, generated_logit=(None,), generator_loss=("saturating",), labelled_weight=(0,))
        case "autoencoder" | "vae":
            _require(
                config, generated_logit=(None,), generator_loss=(None,), labelled_weight=(0,), unlabelled_weight=(0,)
            )
        case _:
            _require(config, generated_logit=(None,), generator_loss=(None,), labelled_weight=(0,))
    if config.name in (outside := registry.records("objective")):
        objective: Objective = outside[config.name].build(config)
        return objective
    return OBJECTIVES[config.name](config)


def _require(config: ObjectiveConfig, **allowed: tuple[str | float | None, ...]) -> None:
    for key, values in allowed.items():
        value = getattr(config, key)
        if value not in values:
            words = " or ".join("null" if allowed_value is None else str(allowed_value) for allowed_value in values)
            shown = "null" if value is None else value
            raise UsageError(f"objective.{key}={shown}: objective={config.name} wants {words}")
