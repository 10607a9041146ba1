"""Every loss against its formula, literally written from probabilities or by softplus, in float64."""

import math

import pytest
import torch
from formulas import mean, same
from torch import Tensor

from improved_gan.composing import compose_jobs, groups
from improved_gan.config import ObjectiveConfig, UsageError
from improved_gan.objective import Adversarial, Outputs, Supervised, Targets, build_objective
from improved_gan.objective.binary_cross_entropy import binary_cross_entropy, saturating_loss


def config(name: str, **changes: object) -> ObjectiveConfig:
    classes = name in ("semi_supervised", "supervised_only")
    keys = {
        "name": name,
        "labelled_weight": 1.0 if classes else 0.0,
        "unlabelled_weight": 0.0 if name == "supervised_only" else 1.0,
        "generator_loss": {"non_saturating": "non_saturating", "supervised_only": None}.get(name, "saturating"),
        "generated_logit": "fixed" if name == "semi_supervised" else None,
        "fully_labelled": False,
    }
    return ObjectiveConfig(**{**keys, **changes})


def build(name: str, **changes: object) -> Adversarial:
    objective = build_objective(config(name, **changes))
    assert isinstance(objective, Adversarial)
    return objective


def classifier(name: str, **changes: object) -> Adversarial | Supervised:
    objective = build_objective(config(name, **changes))
    assert isinstance(objective, Adversarial | Supervised)
    return objective


def outputs(logits: Tensor) -> Outputs:
    return Outputs(logits, logits)


def discriminator_loss(objective: Adversarial, real: Tensor, fake: Tensor, target: float = 1.0) -> Tensor:
    return objective.discriminator_loss(outputs(real), outputs(fake), Targets(real=target))


def generator_loss(objective: Adversarial, fake: Tensor, target: float = 1.0) -> Tensor:
    return objective.generator_loss(None, outputs(fake), Targets(generator=target))


def logits(outputs: int, seed: int = 0, scale: float = 2.0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(6, outputs, dtype=torch.float64, generator=source)).requires_grad_()


def softplus(l: Tensor) -> Tensor:  # noqa: E741
    return torch.log(1 + torch.exp(l))


def z(example: Tensor) -> Tensor:
    return sum((torch.exp(logit) for logit in example), start=torch.zeros(()))


# Semi-supervised


def test_d_is_z_over_z_plus_one() -> None:
    given = logits(4)
    real_score = build("semi_supervised").real_score(given)
    for example, found in zip(given, real_score, strict=True):
        torch.testing.assert_close(torch.sigmoid(found), z(example) / (z(example) + 1))
        torch.testing.assert_close(found, torch.log(z(example)))


def test_d_with_a_learned_logit_is_one_less_the_probability_of_generated() -> None:
    given = logits(5)
    objective = build("semi_supervised", generated_logit="learned")
    torch.testing.assert_close(torch.sigmoid(objective.real_score(given)), 1 - given.softmax(1)[:, 4])
    assert objective.class_logits is not None
    torch.testing.assert_close(objective.class_logits(given), given[:, :4])


@pytest.mark.parametrize("target", [1.0, 0.9, 0.75])
@pytest.mark.parametrize("weight", [1.0, 2.0, 0.3])
def test_unlabelled_loss_as_the_facts_write_it(target: float, weight: float) -> None:
    real, fake = logits(4), logits(4, seed=1)
    loss = discriminator_loss(build("semi_supervised", unlabelled_weight=weight), real, fake, target)
    on_reals = mean([softplus(torch.log(z(x))) - target * torch.log(z(x)) for x in real]) / 2
    on_fakes = mean([softplus(torch.log(z(x))) for x in fake]) / 2
    same(loss, weight * (on_reals + on_fakes), real, fake)


def test_unlabelled_loss_from_probabilities() -> None:
    real, fake = logits(4), logits(4, seed=1)
    on_reals = mean([torch.log(z(x) / (z(x) + 1)) for x in real])
    on_fakes = mean([torch.log(1 - z(x) / (z(x) + 1)) for x in fake])
    same(discriminator_loss(build("semi_supervised"), real, fake), -on_reals / 2 - on_fakes / 2, real, fake)


def test_imagenet_form() -> None:
    """Cross-entropy of 1 - p(generated) against .75 on reals and 0 on generated; K+1-way cross-entropy; G's .375."""
    objective = build(
        "semi_supervised", unlabelled_weight=2.0, generated_logit="learned", generator_loss="non_saturating"
    )
    real, fake, labels = logits(5), logits(5, seed=1), torch.tensor([0, 3, 1, 2, 2, 0])
    d_real, d_fake = 1 - real.softmax(1)[:, 4], 1 - fake.softmax(1)[:, 4]
    expected = -(0.75 * d_real.log() + 0.25 * (1 - d_real).log()).mean() - (1 - d_fake).log().mean()
    same(discriminator_loss(objective, real, fake, 0.75), expected, real, fake)
    assert objective.labelled_loss is not None
    same(objective.labelled_loss(real, labels), -real.softmax(1)[torch.arange(6), labels].log().mean(), real)
    expected = -(0.375 * d_fake.log() + 0.625 * (1 - d_fake).log()).mean()
    same(generator_loss(objective, fake, 0.375), expected, fake)
    assert objective.logits(1000) == 1001


@pytest.mark.parametrize("name", ["semi_supervised", "supervised_only"])
def test_labelled_loss_is_the_cross_entropy_over_the_classes(name: str) -> None:
    given, labels = logits(4), torch.tensor([0, 3, 1, 2, 2, 0])
    expected = mean([-torch.log(torch.exp(x[y]) / z(x)) for x, y in zip(given, labels, strict=True)])
    for weight in (1.0, 0.5):
        loss = classifier(name, labelled_weight=weight).labelled_loss
        assert loss is not None
        same(loss(given, labels), weight * expected, given)


def test_generator_of_the_semi_supervised_game() -> None:
    fake = logits(4)
    same(generator_loss(build("semi_supervised"), fake), mean([-softplus(torch.log(z(x))) for x in fake]), fake)
    objective = build("semi_supervised", generator_loss="non_saturating")
    same(generator_loss(objective, fake), mean([-torch.log(z(x) / (z(x) + 1)) for x in fake]), fake)


def test_without_weight_the_labels_are_not_used_and_the_logits_stay() -> None:
    objective = build("semi_supervised", labelled_weight=0.0)
    assert objective.labelled_loss is None and objective.logits(10) == 10
    assert build("semi_supervised").labelled_loss is not None


# One logit


@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
@pytest.mark.parametrize("target", [1.0, 0.9])
def test_discriminator_with_one_logit(name: str, target: float) -> None:
    real, fake = logits(1), logits(1, seed=1)
    objective = build(name)
    on_reals = mean([target * softplus(-x[0]) + (1 - target) * softplus(x[0]) for x in real])
    on_fakes = mean([softplus(x[0]) for x in fake])
    same(discriminator_loss(objective, real, fake, target), on_reals + on_fakes, real, fake)
    assert objective.logits(10) == objective.logits(None) == 1
    assert objective.labelled_loss is None and objective.trains_generator
    torch.testing.assert_close(objective.real_score(real), real[:, 0])


def test_generators_with_one_logit() -> None:
    fake = logits(1)
    same(generator_loss(build("minimax"), fake), mean([-softplus(x[0]) for x in fake]), fake)
    same(generator_loss(build("non_saturating"), fake), mean([softplus(-x[0]) for x in fake]), fake)
    expected = mean([softplus(x[0]) - 0.375 * x[0] for x in fake])
    same(generator_loss(build("non_saturating"), fake, 0.375), expected, fake)


# Stability


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [-100.0, -50.0, 0.0, 50.0, 100.0])
@pytest.mark.parametrize("target", [0.0, 0.375, 1.0])
def test_cross_entropy_holds_its_digits_at_large_logits(value: float, target: float, dtype: torch.dtype) -> None:
    given = torch.tensor([value], dtype=dtype, requires_grad=True)
    loss = binary_cross_entropy(given, target)
    (gradient,) = torch.autograd.grad(loss, given)
    small = math.log1p(math.exp(-abs(value)))  # softplus(-|l|)
    plus, minus = (value + small, small) if value > 0 else (small, small - value)
    exact = target * minus + (1 - target) * plus
    sigmoid, opposite = 1 / (1 + math.exp(-value)), 1 / (1 + math.exp(value))
    exact_gradient = -target * opposite + (1 - target) * sigmoid
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert loss.item() == pytest.approx(exact, rel=tolerance, abs=1e-42)
    assert gradient.item() == pytest.approx(exact_gradient, rel=tolerance, abs=1e-42)


@pytest.mark.parametrize("name", ["semi_supervised", "non_saturating", "minimax"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_losses_and_gradients_are_finite_at_logits_of_100(name: str, sign: int) -> None:
    objective = build(name)
    real = torch.full((3, objective.logits(4)), 100.0 * sign, requires_grad=True)
    fake = torch.full((3, objective.logits(4)), -100.0 * sign, requires_grad=True)
    for loss in (discriminator_loss(objective, real, fake, 0.9), generator_loss(objective, fake)):
        assert loss.isfinite()
        for gradient in torch.autograd.grad(loss, [real, fake], allow_unused=True):
            assert gradient is None or gradient.isfinite().all()


def test_saturating_loss_at_large_logits() -> None:
    torch.testing.assert_close(saturating_loss(torch.tensor([100.0])), torch.tensor(-100.0))
    assert -1e-43 < float(saturating_loss(torch.tensor([-100.0]))) <= 0


# Requests


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("non_saturating", "labelled_weight", 1.0),
        ("non_saturating", "generator_loss", "saturating"),
        ("minimax", "generator_loss", "non_saturating"),
        ("minimax", "generated_logit", "fixed"),
        ("semi_supervised", "generated_logit", None),
        ("semi_supervised", "generator_loss", None),
        ("supervised_only", "unlabelled_weight", 1.0),
    ],
)
def test_a_key_that_contradicts_the_objective_is_refused(name: str, key: str, value: object) -> None:
    given = "null" if value is None else value
    with pytest.raises(UsageError, match=f"objective.{key}="):
        compose_jobs([f"objective={name}", f"objective.{key}={given}", "technique=none"])


@pytest.mark.parametrize("name", ["semi_supervised", "supervised_only"])
def test_classes_are_needed(name: str) -> None:
    assert classifier(name).logits(10) == 10
    with pytest.raises(UsageError, match=f"objective={name}"):
        classifier(name).logits(None)


def test_supervised_only_trains_no_generator() -> None:
    objective = classifier("supervised_only")
    assert not objective.trains_generator and objective.class_logits is not None
    given = logits(4)
    torch.testing.assert_close(objective.class_logits(given), given)


@pytest.mark.parametrize("name", groups()["objective"])
def test_every_objective_of_conf_can_be_built(name: str) -> None:
    (request,) = compose_jobs([f"objective={name}", "technique=none"])
    # choices of settings, not objectives of their own
    names = {"r3gan": "relativistic", "semi_supervised_feature_matching": "semi_supervised"}
    assert request.config.objective.name == names.get(name, name)
    assert build_objective(request.config.objective).trains_generator == (name != "supervised_only")
