"""Which images a study shows: drawn once, before the first answer, each in one encoding of one length."""

import io
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from improved_gan.config import HumanStudyConfig, UsageError

ATTENTION = "attention check"
REAL = "real"


@dataclass(frozen=True)
class StudyImage:
    """One image as it is served; `name` is random and says nothing."""

    name: str
    source: str  # REAL, ATTENTION or a generator
    content: bytes


def choose_images(
    config: HumanStudyConfig,
    reals: UInt8[np.ndarray, "n channel height width"],
    generated: Mapping[str, UInt8[np.ndarray, "m channel height width"]],
) -> list[StudyImage]:
    """Draw the study's images by `config.seed`: reals, equally many of each generator, and noise.

    Raises `UsageError` where there are too few images or their shapes differ.
    """
    source = np.random.default_rng(config.seed)
    count_real = min(max(1, round(config.images * config.real_share)), config.images - 1)
    shares = np.full(len(generated), (config.images - count_real) // len(generated))
    shares[: (config.images - count_real) % len(generated)] += 1
    if shares.min() == 0:
        raise UsageError(
            f"human_study.images={config.images}: fewer generated images than generators; ask for more images"
        )
    chosen = [(REAL, image) for image in _draw(REAL, reals, count_real, source)]
    for (name, images), share in zip(generated.items(), shares, strict=True):
        if images.shape[1:] != reals.shape[1:]:
            raise UsageError(
                f"human_study.compare: images of {name} are {images.shape[1:]}, real ones {reals.shape[1:]} "
                "(channels, height, width); choose the data set that they imitate"
            )
        chosen += [(name, image) for image in _draw(name, images, int(share), source)]
    noise = source.integers(0, 256, (config.attention_checks, *reals.shape[1:]), dtype=np.uint8)
    chosen += [(ATTENTION, image) for image in noise]
    return [StudyImage(secrets.token_hex(16), name, encoded(image)) for name, image in chosen]


def positions(names: Sequence[str], checks: Sequence[str], repeats: int) -> list[str]:
    """A participant's own order: every image once, then `repeats` of them again in the second half, checks between."""
    source = secrets.SystemRandom()
    order = source.sample(list(names), len(names))
    half = len(order) // 2
    for again in source.sample(order[:half], min(repeats, half)):
        order.insert(source.randint(len(names), len(order)), again)
    for check in checks:
        order.insert(source.randint(0, len(order)), check)
    return order


def encoded(image: UInt8[np.ndarray, "channel height width"]) -> bytes:
    """Encode as 24-bit BMP, uncompressed: equally long whatever the image shows, and without metadata."""
    rgb = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "BMP")
    return file.getvalue()


def _draw(name: str, images: np.ndarray, count: int, source: np.random.Generator) -> np.ndarray:
    if len(images) < count:
        raise UsageError(f"human_study.images: {name} holds {len(images)} images of {count} wanted; ask for fewer")
    return np.asarray(images[np.sort(source.choice(len(images), count, replace=False))])
