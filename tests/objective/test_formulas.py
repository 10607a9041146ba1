"""The objectives beside the paper's, each against its formula: written as loops, float64, gradients included."""

from collections.abc import Callable

import pytest
import torch
from formulas import mean, same
from torch import Tensor

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.objective import Adversarial, Objective, Outputs, Reconstruction, Targets, build_objective


def build(name: str, *overrides: str) -> Objective:
    return build_objective(compose_jobs([f"objective={name}", "technique=none", *overrides])[0].config.objective)


def game(name: str, *overrides: str) -> Adversarial:
    objective = build(name, *overrides)
    assert isinstance(objective, Adversarial)
    return objective


def no_game(name: str, *overrides: str) -> Reconstruction:
    objective = build(name, *overrides)
    assert isinstance(objective, Reconstruction)
    return objective


def outputs(logits: Tensor, features: Tensor | None = None) -> Outputs:
    """A discriminator's outputs with these logits; features that matter nowhere unless given."""
    return Outputs(torch.eye(len(logits), dtype=logits.dtype) if features is None else features, logits)


def logits(seed: int, count: int = 6) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(count, 1, dtype=torch.float64, generator=source)).requires_grad_()


def relu(x: Tensor) -> Tensor:
    return x if bool(x > 0) else 0 * x


FORMULAS: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {  # of one real, of one fake, of the generator's fake
    "least_squares": (lambda d: (d - 1) ** 2 / 2, lambda d: d**2 / 2, lambda d: (d - 1) ** 2 / 2),
    "hinge": (lambda d: relu(1 - d), lambda d: relu(1 + d), lambda d: -d),
    "wasserstein": (lambda d: -d, lambda d: d, lambda d: -d),
    "wasserstein_gp": (lambda d: -d, lambda d: d, lambda d: -d),
    "energy_based": (lambda d: d, lambda d: relu(0.1 - d), lambda d: d),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_their_formulas(name: str) -> None:
    real, fake = logits(0), logits(1, 4)
    of_real, of_fake, of_generated = FORMULAS[name]
    objective = game(name, "objective.unlabelled_weight=0.5")
    expected = (mean([of_real(x[0]) for x in real]) + mean([of_fake(x[0]) for x in fake])) / 2
    same(objective.discriminator_loss(outputs(real), outputs(fake), Targets()), expected, real, fake)
    same(objective.generator_loss(None, outputs(fake), Targets()), mean([of_generated(x[0]) for x in fake]), fake)
    assert objective.logits(10) == objective.logits(None) == 1
    assert objective.trains_generator and objective.labelled_loss is None


def test_relativistic_losses_compare_each_generated_image_with_its_real_partner() -> None:
    real, fake = logits(0), logits(1)
    objective = game("relativistic", "objective.unlabelled_weight=0.5")
    pairs = list(zip(real[:, 0], fake[:, 0], strict=True))
    expected = mean([torch.log(1 + torch.exp(f - r)) for r, f in pairs]) / 2
    same(objective.discriminator_loss(outputs(real), outputs(fake), Targets()), expected, real, fake)
    expected = mean([torch.log(1 + torch.exp(r - f)) for r, f in pairs])
    same(objective.generator_loss(outputs(real), outputs(fake), Targets()), expected, real, fake)
    assert objective.generator_sees_reals and objective.score_kind is None


def test_least_squares_with_other_targets() -> None:
    real, fake = logits(0), logits(1)
    expected = mean([(x[0] - 0.9) ** 2 / 2 for x in real]) + mean([(x[0] - 0.1) ** 2 / 2 for x in fake])
    objective = game("least_squares")
    same(objective.discriminator_loss(outputs(real), outputs(fake), Targets(0.9, 0.1)), expected, real, fake)
    expected = mean([(x[0] - 0.4) ** 2 / 2 for x in fake])
    same(objective.generator_loss(None, outputs(fake), Targets(generator=0.4)), expected, fake)


def test_the_real_score_is_above_zero_where_the_discriminator_says_real() -> None:
    given = torch.tensor([[0.6], [0.4]])
    assert (game("least_squares").real_score(given) > 0).tolist() == [True, False]
    assert (game("hinge").real_score(given - 0.5) > 0).tolist() == [True, False]
    kinds = [game(name).score_kind for name in ("non_saturating", "least_squares", "hinge", "wasserstein")]
    assert kinds == ["logit", "sign", "sign", None]


def test_published_training_keys_give_way_to_what_is_asked_for() -> None:
    (published,) = compose_jobs(["objective=wasserstein"])
    training = published.config.training
    assert (training.discriminator_steps, training.learning_rate, training.optimizer.name) == (5, 5e-5, "rmsprop")
    (asked,) = compose_jobs(["objective=wasserstein", "training.learning_rate=0.1", "training.discriminator_steps=2"])
    assert (asked.config.training.discriminator_steps, asked.config.training.generator_learning_rate) == (2, 0.1)
    (gradient,) = compose_jobs(["objective=wasserstein_gp"])
    optimizer = gradient.config.training.optimizer
    assert (gradient.config.training.learning_rate, optimizer.name, optimizer.beta1, optimizer.beta2) == (
        1e-4, "adam", 0, 0.9,
    )  # fmt: skip
    assert compose_jobs(["objective=hinge"])[0].config.training.learning_rate == 0.003


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["objective=hinge", "objective.margin=0.1"], "has no effect without objective=energy_based"),
        (["objective=energy_based", "objective.margin=null"], "objective=energy_based requires a number"),
        (["objective.clip=0.1"], "objective.clip=0.1: objective.clip is called technique.weight_clipping.limit now"),
        (["objective.gradient_penalty=1"], "technique.gradient_penalty.weight now"),
        (["objective.pulling_away=1"], "technique.pulling_away.weight now"),
        (["objective=wasserstein", "technique.label_smoothing.enabled=true"], "has no target to smooth"),
        (["objective=hinge", "technique.label_smoothing.enabled=true"], "has no target to smooth"),
        (["objective=wasserstein_gp", "training.precision=bf16"], "training.precision=bf16"),
        (["objective=wasserstein_gp", "architecture=imagenet_dcgan", "dataset=image_folder", "dataset.path=.",
          "dataset.image_shape=[3,128,128]"],
         "batch norm couples the images"),
        (["objective=wasserstein_gp", "technique.minibatch_discrimination.across_batches=true"], "across_batches=true"),
        (["objective=vae", "technique.feature_matching.enabled=true"], "which has no discriminator"),
        (["objective=autoencoder", "training.generator_steps=2"], "training.generator_steps=2"),
        (["objective=energy_based", "technique.label_smoothing.enabled=true"], "has no target to smooth"),
        (["training.optimizer.name=rmsprop"], "training.optimizer.beta1=0"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_in_a_sentence(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        compose_jobs(overrides)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_baseline_without_a_game_has_no_weight_in_it() -> None:
    with pytest.raises(UsageError, match=r"objective.unlabelled_weight=1.0"):
        build("vae", "objective.unlabelled_weight=1")
