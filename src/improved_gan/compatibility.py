"""Which objectives, techniques and architectures go together; part of `checks.py`, and torch-free like it.

What means something works; what means nothing is refused with the sentence that says why.
"""

from improved_gan.config import Config, UsageError

WITHOUT_TARGETS = ("hinge", "wasserstein", "wasserstein_gp", "energy_based", "relativistic")
"""Objectives that ask the discriminator for no particular output."""

NON_ADVERSARIAL = ("autoencoder", "vae")
"""Objectives whose discriminator is an encoder."""

NEEDS_GENERATOR = ("feature_matching", "label_smoothing", "virtual_batch_norm", "r1", "r2", "packing", "unrolling")
"""Techniques that are nothing without a generator."""


def check_compatibility(config: Config) -> None:
    """Raise `UsageError` for the first two things in `config` that do not go together."""
    for rule in (
        _check_without_a_generator,
        _check_without_a_game,
        _check_smoothing,
        _check_rivals,
        _check_optimizer,
        _check_second_derivatives,
        _check_slopes,
        _check_decoder,
    ):
        rule(config)


def _refuse(technique: str, why: str) -> None:
    raise UsageError(f"technique.{technique}.enabled=true: {why}; set it to false")


def _check_without_a_generator(config: Config) -> None:
    if config.objective.name != "supervised_only":
        return
    for name in config.technique.enabled():
        if name in NEEDS_GENERATOR:
            _refuse(name, "means nothing with objective=supervised_only, which trains no generator")


def _check_without_a_game(config: Config) -> None:
    name, training = config.objective.name, config.training
    if name not in NON_ADVERSARIAL:
        return
    for technique in config.technique.enabled():
        if technique not in ("historical_averaging", "virtual_batch_norm"):
            _refuse(technique, f"means nothing with objective={name}, which has no discriminator")
    neutral = {"generator_loss_weight": 1, "discriminator_loss_weight": 1, "adaptive_accuracy": None}
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


def _check_smoothing(config: Config) -> None:
    smoothing, objective = config.technique.label_smoothing, config.objective
    if not smoothing.enabled:
        return
    if objective.name in WITHOUT_TARGETS:
        _refuse("label_smoothing", f"objective={objective.name} has no target to smooth")
    if smoothing.fake_target >= smoothing.real_target:
        raise UsageError(
            f"technique.label_smoothing.fake_target={smoothing.fake_target}: must be under real_target, "
            f"{smoothing.real_target}"
        )
    if smoothing.generator_target < 1 and objective.generator_loss == "saturating":
        raise UsageError(
            f"technique.label_smoothing.generator_target={smoothing.generator_target}: the saturating generator loss "
            "has no target; use objective.generator_loss=non_saturating"
        )


def _check_rivals(config: Config) -> None:
    technique, objective, training = config.technique, config.objective, config.training
    if technique.minibatch_stddev.enabled and technique.minibatch_discrimination.enabled:
        _refuse(
            "minibatch_stddev", "takes the place of minibatch discrimination, which is on (technique=none: neither)"
        )
    if technique.spectral_norm.enabled and objective.name == "wasserstein":
        _refuse("spectral_norm", "undoes the clipping of objective=wasserstein, because W / sigma has no scale")
    if technique.packing.enabled:
        samples = technique.packing.samples
        if objective.labelled_weight > 0:
            _refuse("packing", "a pack of images has no class; set objective.labelled_weight=0, or packing off")
        if training.batch_size % samples or training.batch_size < 2 * samples:
            raise UsageError(
                f"training.batch_size={training.batch_size}: must be a multiple of technique.packing.samples={samples} "
                "and at least twice as many"
            )
    if technique.unrolling.enabled and (objective.name == "wasserstein" or training.optimizer.name != "adam"):
        _refuse("unrolling", "looks through steps of Adam alone, without clipping")
    if technique.unrolling.enabled and objective.name == "energy_based":
        _refuse("unrolling", "wants second derivatives of the decoder's batch norm, which PyTorch does not give")


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
    minibatch = config.technique.minibatch_discrimination
    if minibatch.enabled and minibatch.across_batches:
        raise UsageError(
            f"technique.minibatch_discrimination.across_batches=true: {who} takes second derivatives, which this form "
            "does not have; set it to false"
        )


def _check_slopes(config: Config) -> None:
    who = _whose_slope(config)
    if who and config.architecture.name == "imagenet_dcgan":
        raise UsageError(
            f"architecture=imagenet_dcgan: {who} penalises the slope of one image's output, and this discriminator's "
            "batch norm joins the images of a batch; choose another pair"
        )


def _whose_slope(config: Config) -> str | None:
    """What penalises the slope of the discriminator, if anything does."""
    if config.objective.gradient_penalty is not None:
        return f"objective={config.objective.name}"
    return next((f"technique.{name}" for name in ("r1", "r2") if name in config.technique.enabled()), None)


def _check_decoder(config: Config) -> None:
    name = config.objective.name
    if config.architecture.name == "imagenet_dcgan" and name in ("energy_based", *NON_ADVERSARIAL):
        raise UsageError(
            f"architecture=imagenet_dcgan: objective={name} needs a decoder of codes, and this generator takes noise "
            "at every level; choose another pair"
        )
