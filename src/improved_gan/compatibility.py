"""Which objectives, techniques and architectures go together; part of `checks.py`, and torch-free like it.

What means something works; what means nothing is refused with the sentence that says why.
"""

from improved_gan import registry
from improved_gan.architecture import architectures
from improved_gan.config import Config, UsageError
from improved_gan.objective import Adversarial, Reconstruction, objectives
from improved_gan.technique import EXCLUSIVE


def check_compatibility(config: Config) -> None:
    """Raise `UsageError` for the first two things in `config` that do not go together."""
    for rule in (
        _check_places,
        _check_without_a_game,
        _check_updates,
        _check_techniques,
        _check_optimizer,
        _check_second_derivatives,
        _check_slopes,
        _check_decoder,
        _check_cuda_graph,
    ):
        rule(config)


def _refuse(technique: str, why: str) -> None:
    raise UsageError(f"technique.{technique}.enabled=true: {why}; set it to false")


def _check_places(config: Config) -> None:
    """The objective offers every place that a technique fills, and no exclusive place is taken twice."""
    name, taken = config.objective.name, dict[str, str]()
    objective = objectives()[name]
    offered, encodes = objective.kind.places, objective.kind is Reconstruction
    for technique in config.technique.enabled():
        for place in registry.techniques()[technique].places():
            if offered is not None and place not in offered:
                lacks = "discriminator" if encodes else "generator"
                verb = "has no" if encodes else "trains no"
                _refuse(technique, f"has no effect with objective={name}, which {verb} {lacks}")
            if place == "targets" and not objective.has_targets:
                _refuse(technique, f"objective={name} has no target to smooth")
            if place in EXCLUSIVE and place in taken:
                _refuse(technique, f"takes the place of {taken[place]}, which is on (technique=none: neither)")
            taken[place] = technique


def _check_techniques(config: Config) -> None:
    for name in config.technique.enabled():
        own_check = registry.techniques()[name].check
        if own_check is not None:
            own_check(getattr(config.technique, name), config)


def _check_without_a_game(config: Config) -> None:
    name, training = config.objective.name, config.training
    if objectives()[name].kind is not Reconstruction:
        return
    neutral = {"generator_loss_weight": 1, "discriminator_loss_weight": 1, "accuracy_threshold": None}
    for key, alone in neutral.items():
        value = getattr(training.balance, key)
        if value != alone:
            raise UsageError(
                f"training.balance.{key}={value}: has no effect with objective={name}, whose networks share one loss; "
                f"must be {'null' if alone is None else alone}"
            )
    if training.generator_steps > 1:
        raise UsageError(
            f"training.generator_steps={training.generator_steps}: with objective={name} both networks are "
            "updated together, training.discriminator_steps times per step; must be 1"
        )


def _check_updates(config: Config) -> None:
    training, name = config.training, config.objective.name
    if training.updates == "alternating":
        return
    if objectives()[name].kind is not Adversarial:
        raise UsageError(
            f"training.updates=simultaneous: has no effect with objective={name}, which has no two players; "
            "set it to alternating"
        )
    for key in ("discriminator_steps", "generator_steps"):
        if getattr(training, key) > 1:
            raise UsageError(
                f"training.{key}={getattr(training, key)}: with training.updates=simultaneous both players are "
                "updated once a step; must be 1"
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
        raise UsageError(
            f"training.precision=bf16: {who} requires second derivatives, which bf16 does not support; use fp32"
        )


def _check_slopes(config: Config) -> None:
    who = _whose_slope(config)
    architecture = config.architecture.name
    if who and architectures()[architecture].couples_images:
        raise UsageError(
            f"architecture={architecture}: {who} penalises the gradient of one image's output, and the discriminator's "
            "batch norm couples the images of a batch; choose another architecture"
        )


def _whose_slope(config: Config) -> str | None:
    """What penalises the gradient of the discriminator, if anything does."""
    on = {name: registry.techniques()[name] for name in config.technique.enabled()}
    return next((f"technique.{name}" for name, t in on.items() if t.penalty and t.differentiates_twice), None)


def _check_decoder(config: Config) -> None:
    name = config.objective.name
    architecture = config.architecture.name
    if architectures()[architecture].takes_noise_at_every_level and objectives()[name].decodes:
        raise UsageError(
            f"architecture={architecture}: objective={name} requires a decoder of codes, and this generator takes "
            "noise at every level; choose another architecture"
        )


def _check_cuda_graph(config: Config) -> None:
    why = "a CPU has none" if config.device == "cpu" else why_no_cuda_graph(config)
    if config.training.cuda_graph is True and why is not None:
        raise UsageError(f"training.cuda_graph=true: {why}; use auto or false")


def why_no_cuda_graph(config: Config) -> str | None:
    """Why a step of `config` cannot be one launch on a GPU; none if it can."""
    if config.training.balance.accuracy_threshold is not None:
        return "training.balance.accuracy_threshold reads in every step which player is to move"
    if "unrolling" in config.technique.enabled():
        return "technique.unrolling reads the optimizer's counts in every step"
    if config.training.accumulate > 1:
        return f"training.accumulate={config.training.accumulate} goes back in the random numbers within a step"
    return None
