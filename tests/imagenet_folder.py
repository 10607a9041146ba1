"""Images in ILSVRC2012's layout and variety: sizes, formats, grey, CMYK, turned by EXIF; damaged ones at will."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = ("jpeg", "jpeg", "jpeg", "png", "grey", "cmyk", "turned")  # in turn; JPEGs most often
ORIENTATION, TURNED = 0x0112, 6


def write_images(
    images: np.ndarray, labels: Sequence[int], folder: Path, *, shortest: int = 130, longest: int = 500, seed: int = 0
) -> list[Path]:
    """Write uint8 (N, H, W, 3) `images` blown up to varied sizes below `folder`, a folder a class; all their paths."""
    source, written = np.random.default_rng(seed), []
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / f"n{label:08d}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{place.name}_{number}.JPEG"
        size = tuple(int(side) for side in source.integers(shortest, longest + 1, 2))
        _save(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), KINDS[number % len(KINDS)], path)
        written.append(path)
    return written


def _save(image: Image.Image, kind: str, path: Path) -> None:
    if kind == "png":  # under a JPEG's name, as one of ImageNet's
        image.save(path, format="png", compress_level=1)
    elif kind == "turned":
        exif = Image.Exif()
        exif[ORIENTATION] = TURNED
        image.save(path, format="jpeg", quality=90, exif=exif)
    else:
        image.convert({"grey": "L", "cmyk": "CMYK"}.get(kind, "RGB")).save(path, format="jpeg", quality=90)


def damaged(paths: Sequence[Path]) -> Iterator[Path]:
    """Spoil these files, in turn cut short, emptied and overwritten with text; yield each."""
    for number, path in enumerate(paths):
        content = path.read_bytes()
        path.write_bytes((content[: len(content) // 2], b"", b"not an image")[number % 3])
        yield path
