"""The grids that runs have drawn on their way, side by side as a GIF that repeats."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from improved_gan.files import atomic_write

TILE, LINE, COLUMNS = 200, 16, 4  # pixels a side of a picture and of a line of words; pictures side by side
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
        across, down = min(COLUMNS, len(runs)), -(-len(runs) // COLUMNS)
        frame = Image.new("RGB", (TILE * across, LINE + (TILE + LINE) * down), "white")
        pen = ImageDraw.Draw(frame)
        pen.text((4, 2), f"step {int(Path(name).stem[5:]):,}", fill="black")
        for place, ((label, _), pictures) in enumerate(zip(runs, drawn, strict=True)):
            left, top = TILE * (place % COLUMNS), LINE + (TILE + LINE) * (place // COLUMNS)
            with Image.open(pictures[name]) as picture:
                tile = picture.convert("RGB")
            tile.thumbnail((TILE, TILE))
            frame.paste(tile, (left, top + LINE))
            pen.text((left + 4, top + 2), label, fill="black")
        frames.append(frame.quantize(32, dither=Image.Dither.NONE))
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    with atomic_write(path) as file:
        frames[0].save(file, format="gif", save_all=True, append_images=frames[1:], duration=durations, loop=0)
