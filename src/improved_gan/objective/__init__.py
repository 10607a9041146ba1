"""What each player minimises, one file an objective; `Objective` says what they have in common."""

from improved_gan.config import ObjectiveConfig, UsageError
from improved_gan.objective.autoencoder import Autoencoder
from improved_gan.objective.energy_based import EnergyBased
from improved_gan.objective.hinge import Hinge
from improved_gan.objective.least_squares import LeastSquares
from improved_gan.objective.minimax import Minimax
from improved_gan.objective.non_saturating import NonSaturating
from improved_gan.objective.protocol import Constrained, FeaturePenalised, Objective, Penalised, Reconstructing
from improved_gan.objective.semi_supervised import SemiSupervised
from improved_gan.objective.supervised_only import SupervisedOnly
from improved_gan.objective.vae import VAE
from improved_gan.objective.wasserstein import Wasserstein
from improved_gan.objective.wasserstein_gp import WassersteinGP

__all__ = [
    "Constrained",
    "EnergyBased",
    "FeaturePenalised",
    "Objective",
    "Penalised",
    "Reconstructing",
    "build_objective",
]


def build_objective(config: ObjectiveConfig) -> Objective:
    """The objective that the config names; UsageError for a key that contradicts the name."""
    match config.name:
        case "semi_supervised":
            _require(config, generated_logit=("fixed", "learned"), generator_loss=("saturating", "non_saturating"))
            return SemiSupervised(
                labelled_weight=config.labelled_weight,
                unlabelled_weight=config.unlabelled_weight,
                saturating=config.generator_loss == "saturating",
                learned_generated_logit=config.generated_logit == "learned",
            )
        case "supervised_only":
            _require(config, generated_logit=(None,), generator_loss=(None,), unlabelled_weight=(0,))
            return SupervisedOnly(labelled_weight=config.labelled_weight)
        case "non_saturating":
            _require(config, generated_logit=(None,), generator_loss=("non_saturating",), labelled_weight=(0,))
            return NonSaturating(unlabelled_weight=config.unlabelled_weight)
        case "minimax":
            _require(config, generated_logit=(None,), generator_loss=("saturating",), labelled_weight=(0,))
            return Minimax(unlabelled_weight=config.unlabelled_weight)
        case "least_squares":
            _require_one_logit(config)
            return LeastSquares(unlabelled_weight=config.unlabelled_weight)
        case "hinge":
            _require_one_logit(config)
            return Hinge(unlabelled_weight=config.unlabelled_weight)
        case "wasserstein":
            _require_one_logit(config)
            return Wasserstein(config.unlabelled_weight, clip=_given(config.clip))
        case "wasserstein_gp":
            _require_one_logit(config)
            return WassersteinGP(config.unlabelled_weight, gradient_penalty=_given(config.gradient_penalty))
        case "energy_based":
            _require_one_logit(config)
            return EnergyBased(
                config.unlabelled_weight, margin=_given(config.margin), pulling_away=_given(config.pulling_away)
            )
        case "autoencoder":
            _require_no_game(config)
            return Autoencoder()
        case "vae":
            _require_no_game(config)
            return VAE(pixel_deviation=_given(config.pixel_deviation))
        case _:
            raise AssertionError(config.name)


def _require_one_logit(config: ObjectiveConfig) -> None:
    _require(config, generated_logit=(None,), generator_loss=(None,), labelled_weight=(0,))


def _require_no_game(config: ObjectiveConfig) -> None:
    _require(config, generated_logit=(None,), generator_loss=(None,), labelled_weight=(0,), unlabelled_weight=(0,))


def _given(value: float | None) -> float:
    """A key of this objective alone, which the checks have seen to be there."""
    assert value is not None
    return value


def _require(config: ObjectiveConfig, **allowed: tuple[str | float | None, ...]) -> None:
    for key, values in allowed.items():
        value = getattr(config, key)
        if value not in values:
            words = " or ".join("null" if allowed_value is None else str(allowed_value) for allowed_value in values)
            shown = "null" if value is None else value
            raise UsageError(f"objective.{key}={shown}: objective={config.name} wants {words}")
