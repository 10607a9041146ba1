"""A folder of a few small images in two classes, for what takes a data set by its path."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from PIL import Image


@cache
def small_image_folder() -> Path:
    """The folder, one for the process: 2 classes of 16 images."""
    folder = Path(tempfile.mkdtemp(prefix="small-images-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number in range(32):
        path = folder / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (number * 7, 255 - number * 7, number)).save(path)
    return folder
