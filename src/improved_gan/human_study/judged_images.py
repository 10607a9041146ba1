"""What people said of each image: its confusion, the most convincing fakes and the most doubted reals."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from improved_gan.human_study.design import REAL
from improved_gan.human_study.storage import Answer


@dataclass(frozen=True)
class JudgedImage:
    """One image of the study and how often it was called what, repeats aside."""

    image: str
    sha256: str
    source: str
    called_real: int
    called_generated: int

    @property
    def judged(self) -> int:
        return self.called_real + self.called_generated

    @property
    def wrong(self) -> int:
        return self.called_generated if self.source == REAL else self.called_real

    @property
    def doubt(self) -> float:
        """Share of wrong answers, drawn towards a half where there are few of them."""
        return (self.wrong + 1) / (self.judged + 2)


def judged_images(kept: Sequence[Answer]) -> list[JudgedImage]:
    """Every image that was judged, by source, the most often mistaken first."""
    counts: dict[tuple[str, str, str], list[int]] = {}
    for row in kept:
        if not row.repeat:
            counts.setdefault((row.image, row.image_sha256, row.source), [0, 0])[row.answer != REAL] += 1
    images = [JudgedImage(*key, *said) for key, said in counts.items()]
    return sorted(images, key=lambda image: (image.source != REAL, image.source, -image.doubt, image.sha256))


def most_mistaken(images: Sequence[JudgedImage], *, real: bool, count: int) -> list[JudgedImage]:
    """The reals, or the generated images, that most people were wrong about; none that nobody was."""
    wrong = [image for image in images if (image.source == REAL) == real and image.wrong]
    return sorted(wrong, key=lambda image: -image.doubt)[:count]


def png_uri(content: bytes) -> str:
    """A stored image as an address that needs no network."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
