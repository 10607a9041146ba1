"""A pair's discriminator as an evaluator of images, for the metrics that ask it."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor
from tqdm import tqdm

from improved_gan.metrics.inputs import EvalDiscriminator
from improved_gan.technique.packing import pack
from improved_gan.training.batches import full_batches
from improved_gan.training.gan import GAN


def eval_discriminator(
    pair: GAN, *, offset: float, scale: float, batch_size: int, device: torch.device
) -> EvalDiscriminator | None:
    """The pair's discriminator with its averaged weights, in full batches of the size it was trained with.

    Packs of images have one output each. None for a critic, whose outputs mean something only beside each other.
    """
    objective = pair.objective
    if objective.score_kind is None:
        return None

    @torch.no_grad()
    def logits(images: Real[np.ndarray, "n channel height width"]) -> Float[Tensor, "image output"]:
        network, found = pair.discriminator, []
        training = network.training
        network.eval()
        with pair.discriminator_player.averaged():
            whole = len(images) // pair.pack * pair.pack  # what fills no pack is not evaluated
            batches = list(full_batches(whole, batch_size // pair.pack * pair.pack))
            for part, new in tqdm(batches, desc="discriminator", unit="batch", delay=1):
                batch = torch.from_numpy(np.array(images[part])).to(device)
                logits = network(pack((batch.float() - offset) / scale, pair.pack))[0].logits
                found.append(logits[-(new // pair.pack) :].float().cpu())
        network.train(training)
        return torch.cat(found)

    def through(what: Callable[[Tensor], Tensor]) -> Callable[[np.ndarray], Tensor]:
        return lambda images: what(logits(images))

    classes = None
    if objective.labelled_loss is not None and objective.class_logits is not None:
        classes = through(objective.class_logits)
    return EvalDiscriminator(
        through(objective.real_score), classes, batch_size, gives_probability=objective.score_kind == "logit"
    )
