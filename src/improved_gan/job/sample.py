"""`job=sample`: images (or points) of a trained run: a grid, latent interpolations, a walk; PNG, .npz, GIF."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.files import atomic_write
from improved_gan.run_data import refuse_changed_data, stored_data
from improved_gan.run_folder import check_writable
from improved_gan.training.loading import TrainedRun, load_run
from improved_gan.training.sampling import save_animation, save_grid

STOPS = 4  # of a walk


def sample(request: Request) -> Path:
    """Write grid and interpolations to `<run>/evaluation/sample/` and return that folder."""
    wanted = request.config.sample
    assert wanted is not None and request.config.run is not None
    run = load_run(request.config.run, wanted.checkpoint, request.config.device)
    if not run.pair.objective.trains_generator:
        raise UsageError(f"run={request.config.run}: objective={run.config.objective.name} trains no generator")
    if wanted.animation and _has_points(run):
        raise UsageError("sample.animation=true: not supported with points; remove it")
    folder = Path(request.config.run) / "evaluation" / "sample"
    check_writable(folder, f"run={request.config.run}")
    refuse_changed_data(Path(request.config.run), request)
    save_picture = _point_drawing(request) if _has_points(run) else save_grid
    images = run.sampler.sample(wanted.count, wanted.seed)
    save_picture(images, folder / "grid.png", wanted.columns)
    _save_arrays(images, folder / "images.npz")
    if wanted.interpolations:
        between = interpolations(run, wanted.interpolations, wanted.interpolation_steps, wanted.seed)
        save_picture(between, folder / "interpolation.png", wanted.interpolation_steps)
        _save_arrays(between, folder / "interpolation.npz")
    if wanted.animation:
        frames = latent_walk(run, wanted.count, wanted.interpolation_steps, wanted.seed)
        save_animation(frames, folder / "walk.gif", wanted.columns)
    print(f"{wanted.count} {'points' if _has_points(run) else 'images'} of step {run.step}, seed {wanted.seed}")
    return folder


def interpolations(run: TrainedRun, rows: int, columns: int, seed: int) -> torch.Tensor:
    """`rows` straight lines from one latent to another, `columns` images each, row by row."""
    source = torch.Generator().manual_seed(seed)
    start, end = run.pair.draw_latents(rows, source), run.pair.draw_latents(rows, source)
    share = torch.linspace(0, 1, columns, device=start.device)[None, :, None]
    return run.sampler.images_of(torch.lerp(start[:, None], end[:, None], share).flatten(0, 1))


def latent_walk(run: TrainedRun, count: int, steps: int, seed: int) -> Iterator[torch.Tensor]:
    """The first `count` images of `seed`, then those on straight lines through further latents and back to the first.

    `STOPS` lines of `steps` frames. Whole batches walk, beyond `count` too, so that a batch norm's statistics change
    as smoothly as the latents.
    """
    source, size = torch.Generator().manual_seed(seed), run.sampler.batch_size
    full = -(-count // size)
    stops = [torch.cat([run.pair.draw_latents(size, source) for _ in range(full)]) for _ in range(STOPS)]
    for start, end in zip(stops, [*stops[1:], stops[0]], strict=True):
        for step in range(steps):
            yield run.sampler.images_of(torch.lerp(start, end, step / steps))[:count]


def _has_points(run: TrainedRun) -> bool:
    return run.config.dataset.holds_points


def _point_drawing(request: Request) -> Callable[[torch.Tensor, Path, int], None]:
    """Draws points over the real ones that the run was trained on; there are no columns."""
    from improved_gan.training.point_plot import PointPicture  # matplotlib is heavy: only when needed

    picture = PointPicture(stored_data(Path(str(request.config.run)), request).train.images)
    return lambda points, path, _: picture.save(points, path)


def _save_arrays(images: torch.Tensor, path: Path) -> None:
    with atomic_write(path) as file:
        if images.dtype.is_floating_point:
            np.savez_compressed(file, points=images.flatten(1).numpy())
        else:
            np.savez_compressed(file, images=images.permute(0, 2, 3, 1).numpy())  # NHWC, as tools for scores read it
