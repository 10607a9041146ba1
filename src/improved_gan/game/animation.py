"""The players' path growing over the vector field, as a GIF that repeats."""

from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from improved_gan.game.plots import EQUILIBRIUM, FIELD, INK, PATH, SOFT, STYLE, View, title
from improved_gan.game.protocol import Game, Point
from improved_gan.game.update import Trajectory

FRAMES = 60
FRAME_MS, LAST_FRAME_MS = 70, 2500


def save_animation(path: Path, game: Game, trajectory: Trajectory, words: str, averages: bool) -> None:
    """Write the animation to `path`; `averages` adds the mean that historical averaging pulls to."""
    with matplotlib.rc_context({**STYLE, "font.size": 9}):
        frames = _frames(game, trajectory, words, averages)
    _save(frames, path)


def _frames(
    game: Game, trajectory: Trajectory, words: str, averages: bool
) -> list[UInt8[np.ndarray, "height width 3"]]:
    figure = Figure(figsize=(4.2, 4.6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    view = View(axes, game, trajectory)
    title(axes, game, words)
    (head,) = axes.plot([], [], "o", color=PATH(1.0), mec=INK, ms=8, zorder=7, animated=True)
    (mean,) = axes.plot([], [], "X", color=INK, mec="white", ms=8, zorder=7, animated=True, label="mean of the past")
    note = axes.text(0.02, 0.02, "", transform=axes.transAxes, zorder=8, animated=True)
    note.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 2})
    if averages:
        axes.legend(handles=[mean], loc="upper right", framealpha=1, edgecolor="white", handletextpad=0.1)
    canvas.draw()
    ground, drawn, frames = canvas.copy_from_bbox(figure.bbox), 0, []
    for last in _frame_ends(view.points, game.equilibrium):
        canvas.restore_region(ground)
        if last > drawn:  # only what is new, on top of what is there
            axes.draw_artist(view.draw_path(drawn, last))
            ground, drawn = canvas.copy_from_bbox(figure.bbox), last
        head.set_data(view.points[last : last + 1].T)
        distance = np.hypot(*(view.points[last] - game.equilibrium))
        note.set_text(f"step {view.steps[last]:,.0f}   distance {distance:.3g}")
        mean.set_data(view.means[last : last + 1].T)
        for artist in (*view.marks, *([mean] if averages else []), head, note):
            axes.draw_artist(artist)
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return frames


def _frame_ends(points: Float[np.ndarray, "point 2"], equilibrium: Point) -> list[int]:
    """The point that each frame reaches: equal lengths of path, half of them measured by the distance where they lie.

    By length alone a spiral's inner turns would pass in a flash; by angle alone they would take nearly all of the time.
    """
    moved = np.hypot(*np.diff(points, axis=0).T)
    distances = np.hypot(*(points[1:] - equilibrium).T)
    turned = moved / np.maximum(distances, 1e-3 * distances.max() + 1e-300)
    progress = np.cumsum(moved / max(moved.sum(), 1e-300) + turned / max(turned.sum(), 1e-300))
    ends = np.searchsorted(progress, np.linspace(0, progress[-1], FRAMES))
    return [0, *np.minimum(ends[1:-1] + 1, len(points) - 1).tolist(), len(points) - 1]


def _palette() -> Image.Image:
    """The picture's own colours and their shades on white, as they are too rare to be found by counting pixels."""
    colours = [to_rgb("white"), *(PATH(share)[:3] for share in np.linspace(0, 1, 32))]
    for colour in (INK, SOFT, FIELD, EQUILIBRIUM):
        shares = np.linspace(0.25, 1, 4)[:, None]
        colours += [tuple(shade) for shade in shares * np.array(to_rgb(colour)) + (1 - shares)]
    colours += [tuple(shade) for shade in 0.5 * np.array([PATH(share)[:3] for share in np.linspace(0, 1, 8)]) + 0.5]
    image = Image.new("P", (1, 1))
    image.putpalette([round(255 * channel) for colour in colours for channel in colour])
    return image


def _save(frames: list[UInt8[np.ndarray, "height width 3"]], path: Path) -> None:
    """Write `frames` in few colours; all share them, so that what stays the same packs well."""
    palette = _palette()
    images = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_FRAME_MS]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, disposal=1)
