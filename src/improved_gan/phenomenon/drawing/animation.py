"""The grids that runs have drawn on their way, side by side as a GIF that repeats."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from improved_gan.files import atomic_write

TILE = 200  # pixels a side
FRAMES = 24  # at most, evenly over the run: a GIF of all would be large
FRAME_MS, LAST_FRAME_MS = 150, 2500


def save_evolution(path: Path, runs: Sequence[tuple[str, Path]]) -> None:
    """Write the pictures in each run's folder of samples, a frame a step that all have, under the run's label."""
    drawn = [{picture.name: picture for picture in folder.glob("step_*.png")} for _, folder in runs]
    names = sorted(set.intersection(*map(set, drawn)))
    if not names:
        return
    stride = -(-len(names) // FRAMES)
    frames = []
    for name in names[::-1][::stride][::-1]:  # the last is among them
        frame = Image.new("RGB", (TILE * len(runs), TILE + 32), "white")
        pen = ImageDraw.Draw(frame)
        for place, ((label, _), pictures) in enumerate(zip(runs, drawn, strict=True)):
            with Image.open(pictures[name]) as picture:
                tile = picture.convert("RGB")
            tile.thumbnail((TILE, TILE))
            frame.paste(tile, (place * TILE, 16))
            pen.text((place * TILE + 4, 2), label, fill="black")
        pen.text((4, TILE + 2), f"step {int(Path(name).stem[5:]):,}", fill="black")
        frames.append(frame.quantize(32, dither=Image.Dither.NONE))
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    with atomic_write(path) as file:
        frames[0].save(file, format="gif", save_all=True, append_images=frames[1:], duration=durations, loop=0)
