"""One decoder turns an image file into 8-bit pixels, for sets to train on and for images to be judged."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIXTEEN_BIT_FORMATS = ("PNG", "PPM")  # their images in PIL's mode I hold 0..65535
ORIENTATION = 0x0112  # of EXIF


def decode(path: Path) -> tuple[Image.Image, list[str]]:
    """The image as 8-bit gray or RGB (mode L or RGB), and what had to be converted.

    Raises `ValueError` for what is unreadable, animated, or of values that have no fixed range.
    """
    converted: list[str] = []
    try:
        with Image.open(path) as opened:
            if opened.format != "MPO" and getattr(opened, "n_frames", 1) > 1:
                raise ValueError("it is an animation or has several pages")
            opened.load()
            image: Image.Image = opened
            if opened.getexif().get(ORIENTATION, 1) != 1:
                image = ImageOps.exif_transpose(opened)
                converted.append("turned as EXIF says")
            return _eight_bits(image, opened.format, converted), converted
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no readable image ({error})") from error


def _eight_bits(image: Image.Image, kind: str | None, converted: list[str]) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and kind in SIXTEEN_BIT_FORMATS):
        converted.append("of 16 bits scaled to 8")
        return Image.fromarray(np.round(np.asarray(image).astype(np.float64) / 257).astype(np.uint8))
    if image.mode.startswith(("I", "F")):
        raise ValueError("its values are floating-point or 32-bit numbers, which have no fixed range")
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        if layers.getchannel("A").getextrema() != (255, 255):
            converted.append("with transparency put on white")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layers)
    return image.convert("RGB").convert("L") if gray and image.mode == "RGBA" else image.convert("L" if gray else "RGB")
