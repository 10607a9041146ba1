"""Batch effects: by batch norm an image depends on the batch that it is drawn in, by virtual batch norm it does not.

Two metrics (section 3.4: "the output of a neural network for an input example x to be highly dependent on several
other inputs x' in the same minibatch"):

- the share of an image's variance that its companions cause: the same latent drawn in many batches, against all images;
- the intraclass correlation of the images of a batch: 0 where they are independent of each other, below 0 where they
  make up for each other, as the batch's statistics are held fixed.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor
from torchvision.utils import make_grid

from improved_gan.layers.virtual_batch_norm import VirtualBatchNormGenerator
from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std
from improved_gan.report.grouping import Row
from improved_gan.report.plots import STYLE
from improved_gan.report.runs import Run
from improved_gan.training.loading import load_run

BATCHES, SHOWN, SEED = 100, 12, 1
Groups = Float[Tensor, "group member *value"]


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """Each line of pictures is one latent in a dozen batches; the table has both metrics."""
    lines: list[dict[str, Any]] = []
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(9.6, 3.9 * len(rows)), dpi=110, layout="constrained")
        for axes, row in zip(figure.subplots(len(rows), 1, squeeze=False).ravel(), rows, strict=True):
            virtual = row.runs[0].settings["technique.virtual_batch_norm.enabled"]
            name = "virtual batch norm" if virtual else "batch norm"
            drawn = [_draw(run) for run in row.runs]
            shares = format_mean_std([100 * within_batch_variance(same) for same, _ in drawn], 1)
            correlations = format_mean_std([intraclass_correlation(batches) for _, batches in drawn], 3)
            shown = drawn[0][0][:4, :SHOWN]
            axes.imshow(make_grid(shown.flatten(0, 1), nrow=SHOWN, pad_value=1).permute(1, 2, 0))
            axes.set(title=f"{name}: companions cause {shares} % of an image's variance", xticks=[], yticks=[])
            axes.set(xlabel=f"in {SHOWN} batches", ylabel="a latent a line")
            lines.append({"row": name, "runs": len(row.runs), "variance by companions, %": shares})
            lines[-1] |= {"intraclass correlation": correlations}
        save_picture(figure, folder)
    return lines


@torch.no_grad()
def _draw(run: Run) -> tuple[Tensor, Tensor]:
    """Images in [0, 1]: the first latents of a batch in many batches each; and whole batches of other latents.

    Batches are as large as the run was trained with.
    """
    trained = load_run(run.folder, device="cpu")
    pair, config, generator = trained.pair, trained.config, trained.pair.generator
    size, source = config.training.batch_size, torch.Generator().manual_seed(SEED)
    frozen = generator.freeze_reference() if isinstance(generator, VirtualBatchNormGenerator) else nullcontext()
    with pair.generator_player.averaged(), frozen:
        batches = [generator(pair.draw_latents(size, source)) for _ in range(BATCHES)]
        same = []
        for latent in pair.draw_latents(SHOWN, source):
            among = [torch.cat([latent[None], pair.draw_latents(size - 1, source)]) for _ in range(BATCHES)]
            same.append(torch.stack([generator(latents)[0] for latents in among]))
    scale, offset = config.architecture.pixel_scale, config.architecture.pixel_offset
    in_unit_range = [((torch.stack(images) * scale + offset) / 255).clamp(0, 1) for images in (same, batches)]
    return in_unit_range[0], in_unit_range[1]


def within_batch_variance(same: Groups) -> float:
    """Variance of one latent's images over batches, averaged over latents, by the variance of all of them."""
    within = same.double().var(1, correction=0).sum()
    everything = same.double().flatten(0, 1).var(0, correction=0).sum() * len(same)
    return float(within / everything)


def intraclass_correlation(groups: Float[Tensor, "group member *value"]) -> float:
    """(B - W) / (B + (m - 1) W) with B and W the mean squares between and within groups of m, summed over values."""
    groups = groups.double().flatten(2)
    count, size = groups.shape[:2]
    means = groups.mean(1)
    between = size * (means - means.mean(0)).square().sum() / (count - 1)
    within = (groups - means[:, None]).square().sum() / (count * (size - 1))
    return float((between - within) / (between + (size - 1) * within))
