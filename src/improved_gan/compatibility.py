"""Which objectives, techniques and architectures go together; part of `checks.py`, and torch-free like it.

What means something works; what means nothing is refused with the sentence that says why.
"""

from improved_gan import registry
from improved_gan.config import Config, UsageError
from improved_gan.technique import EXCLUSIVE

WITHOUT_TARGETS = ("hinge", "wasserstein", "wasserstein_gp", "energy_based", "relativistic")
"""Objectives that ask the discriminator for no particular output."""

NON_ADVERSARIAL = ("autoencoder", "vae")
"""Objectives whose discriminator is an encoder."""

PLACES_OFFERED = {
    "supervised_only": ("discriminator_input", "discriminator_layer", "discriminator", "parameter_penalty"),
    **dict.fromkeys(NON_ADVERSARIAL, ("generator_normalisation", "generator", "parameter_penalty")),
}
"""The places that an objective without a game has for techniques; the others have all."""


def check_compatibility(config: Config) -> None:
    """Raise `UsageError` for the first two things in `config` that do not go together."""
    for rule in (
        _check_places,
        _check_without_a_game,
        _check_each_by_itself,
        _check_optimizer,
        _check_second_derivatives,
        _check_slopes,
        _check_decoder,
    ):
        rule(config)


def _refuse(technique: str, why: str) -> None:
    raise UsageError(f"technique.{technique}.enabled=true: {why}; set it to false")


def _check_places(config: Config) -> None:
    """The objective offers every place that a technique fills, and no exclusive place is taken twice."""
    name, taken = config.objective.name, dict[str, str]()
    for technique in config.technique.enabled():
        for place in registry.techniques()[technique].places():
            if name in PLACES_OFFERED and place not in PLACES_OFFERED[name]:
                lacks = "discriminator" if name in NON_ADVERSARIAL else "generator"
                verb = "has no" if name in NON_ADVERSARIAL else "trains no"
                _refuse(technique, f"means nothing with objective={name}, which {verb} {lacks}")
            if place == "targets" and (name in WITHOUT_TARGETS or _lacks_targets(name)):
                _refuse(technique, f"objective={name} has no target to smooth")
            if place in EXCLUSIVE and place in taken:
                _refuse(technique, f"takes the place of {taken[place]}, which is on (technique=none: neither)")
            taken[place] = technique


def _lacks_targets(objective: str) -> bool:
    record = registry.records("objective").get(objective)
    return record is not None and not record.has_targets


def _check_each_by_itself(config: Config) -> None:
    for record, node in registry.chosen(config):
        if record.check is not None:
            record.check(node, config)


def _check_without_a_game(config: Config) -> None:
    name, training = config.objective.name, config.training
    if name not in NON_ADVERSARIAL:
        return
    neutral = {"generator_loss_weight": 1, "discriminator_loss_weight": 1, "accuracy_threshold": None}
    for key, alone in neutral.items():
        value = getattr(training.balance, key)
        if value != alone:
            raise UsageError(
                f"training.balance.{key}={value}: means nothing with objective={name}, whose networks share one loss; "
                f"must be {'null' if alone is None else alone}"
            )
    if training.generator_steps > 1:
        raise UsageError(
            f"training.generator_steps={training.generator_steps}: with objective={name} encoder and decoder move "
            "together, training.discriminator_steps times a step; must be 1"
        )


def _check_optimizer(config: Config) -> None:
    optimizer = config.training.optimizer
    if optimizer.name == "rmsprop" and (optimizer.beta1 > 0 or optimizer.epsilon_inside_root):
        raise UsageError(
            "training.optimizer.name=rmsprop: has no mean of gradients and its epsilon outside the root; set "
            "training.optimizer.beta1=0 and training.optimizer.epsilon_inside_root=false"
        )


def _check_second_derivatives(config: Config) -> None:
    if not config.differentiates_twice():
        return
    who = _whose_slope(config) or "technique.unrolling"
    if config.training.precision == "bf16":
        raise UsageError(f"training.precision=bf16: {who} takes second derivatives, which it lacks; use fp32")


def _check_slopes(config: Config) -> None:
    who = _whose_slope(config)
    if who and config.architecture.name == "imagenet_dcgan":
        raise UsageError(
            f"architecture=imagenet_dcgan: {who} penalises the slope of one image's output, and this discriminator's "
            "batch norm joins the images of a batch; choose another pair"
        )


def _whose_slope(config: Config) -> str | None:
    """What penalises the slope of the discriminator, if anything does."""
    on = {name: registry.techniques()[name] for name in config.technique.enabled()}
    return next((f"technique.{name}" for name, t in on.items() if t.penalty and t.differentiates_twice), None)


def _check_decoder(config: Config) -> None:
    name = config.objective.name
    if config.architecture.name == "imagenet_dcgan" and name in ("energy_based", *NON_ADVERSARIAL):
        raise UsageError(
            f"architecture=imagenet_dcgan: objective={name} needs a decoder of codes, and this generator takes noise "
            "at every level; choose another pair"
        )
