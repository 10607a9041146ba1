"""The two-class terms that all objectives are made of, from the logit l of D = sigmoid(l)."""

from jaxtyping import Float

from improved_gan.tensors import Tensor


def binary_cross_entropy(logits: Float[Tensor, " batch"], target: float) -> Float[Tensor, ""]:
    """Mean of -target log D - (1 - target) log(1 - D), which is softplus(l) - target l; `target` in [0, 1].

    Both terms are positive, so that nothing cancels: values and gradients hold their digits at any l.
    """
    from torch.nn.functional import logsigmoid

    return -(target * logsigmoid(logits) + (1 - target) * logsigmoid(-logits)).mean()


def saturating_loss(fake_logits: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean of log(1 - D) = -softplus(l): what a generator minimises in the minimax game."""
    from torch.nn.functional import logsigmoid

    return logsigmoid(-fake_logits).mean()
