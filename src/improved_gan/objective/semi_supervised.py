"""The K+1-class discriminator (section 5): K classes of real data, and one more for generated images.

With Z(x) = sum_k exp l_k(x) and the generated class's logit fixed at 0, D(x) = Z / (Z + 1) = sigmoid(log Z), and

    L_labelled   = - E log softmax(l(x))_y
    L_unlabelled = - 1/2 E log D(x) - 1/2 E log(1 - D(G(z)))

The 1/2 is the authors'; the paper has none (and nor has the ImageNet model: unlabelled_weight=2). With alpha for the
reals' target the real term is 1/2 E[softplus(log Z) - alpha log Z]; the other terms are never smoothed.
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int

from improved_gan.objective import record
from improved_gan.objective.binary_cross_entropy import binary_cross_entropy, saturating_loss
from improved_gan.objective.record import Adversarial, ObjectiveRecord, Outputs, Targets, wants
from improved_gan.schema import UsageError, one_of
from improved_gan.tensors import Tensor


@dataclass
class Config(record.Config):
    generated_logit: str = one_of("fixed", "learned")  # of the K+1 classes: 0, or an output of its own


def check(config: Config, run: Any) -> None:
    """A form of each loss, and a weight on one of them."""
    wants(generated_logit=("fixed", "learned"), generator_loss=("saturating", "non_saturating"))(config, run)
    if config.labelled_weight == config.unlabelled_weight == 0:
        raise UsageError("objective.unlabelled_weight=0.0: with objective.labelled_weight=0 too, nothing is learned")


def semi_supervised(config: Config) -> Adversarial:
    """L = labelled_weight L_labelled + unlabelled_weight L_unlabelled; labelled_weight 0 leaves the labels out.

    The generated class's logit is the last output where it is learned. The generator's loss is log(1 - D) if
    saturating, with no other target than 1, else the cross-entropy of D against its target.
    """
    learned = config.generated_logit == "learned"

    def class_logits(logits: Float[Tensor, "batch output"]) -> Float[Tensor, "batch class"]:
        return logits[:, :-1] if learned else logits

    def real_score(logits: Float[Tensor, "batch output"]) -> Float[Tensor, " batch"]:
        """log Z, less the generated class's logit where it is learned."""
        log_z = class_logits(logits).logsumexp(dim=1)
        return log_z - logits[:, -1] if learned else log_z

    def discriminator_loss(real: Outputs, fake: Outputs, targets: Targets) -> Tensor:
        of_real = binary_cross_entropy(real_score(real.logits), targets.real)
        of_fake = binary_cross_entropy(real_score(fake.logits), targets.fake)
        return config.unlabelled_weight * (of_real + of_fake) / 2

    def labelled_loss(logits: Float[Tensor, "batch output"], labels: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        """Over K classes, or K + 1 where the generated class has a logit of its own."""
        from torch.nn import functional

        return config.labelled_weight * functional.cross_entropy(logits, labels)

    def generator_loss(real: Outputs | None, fake: Outputs, targets: Targets) -> Tensor:
        score = real_score(fake.logits)
        if config.generator_loss == "saturating":
            return saturating_loss(score)
        return binary_cross_entropy(score, targets.generator)

    return Adversarial(
        logits=lambda classes: class_count("semi_supervised", classes) + learned,
        real_score=real_score,
        score_kind="logit",
        class_logits=class_logits,
        discriminator_loss=discriminator_loss,
        labelled_loss=labelled_loss if config.labelled_weight > 0 else None,
        generator_loss=generator_loss,
    )


def class_count(objective: str, classes: int | None) -> int:
    """K; UsageError without two classes or more."""
    if classes is None or classes < 2:
        raise UsageError(
            f"objective={objective}: requires a data set with two classes or more; or use objective=non_saturating"
        )
    return classes


OBJECTIVE = ObjectiveRecord(build=semi_supervised, check=check, config=Config, has_targets=True, needs_classes=True)
