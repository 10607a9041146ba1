"""The optimal discriminator of a generator that stays as it is: D(x) = p(x) / (p(x) + q(x)), section 3.4 of the paper.

With a target alpha < 1 for real data it is alpha p / (p + q): below one half where the two agree, and nowhere above
alpha. p is the mixture's density, known; q is the generator's, estimated from its samples by Gaussian kernels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from matplotlib import rc_context
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde, norm

from improved_gan.objective import Adversarial
from improved_gan.phenomenon.drawing.figure import save_picture
from improved_gan.phenomenon.drawing.rows import format_mean_std
from improved_gan.report.grouping import Row
from improved_gan.report.plots import COLOURS, FAINT, INK, STYLE
from improved_gan.report.runs import Run
from improved_gan.training.loading import load_run

SAMPLES, SEED = 20_000, 1
Density = Float64[np.ndarray, " point"]


def draw(rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """A panel a row: both densities, the trained D and the optimal one; the table has their distance."""
    lines: list[dict[str, Any]] = []
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.6), dpi=110, layout="constrained")
        panels = figure.subplots(1, len(rows), squeeze=False, sharey=True)[0]
        for axes, row in zip(panels, rows, strict=True):
            found = [_discriminators(run) for run in row.runs]
            x, p, q, trained, best = found[0]
            density = axes.twinx()
            density.fill_between(x, p, color=COLOURS[0], alpha=0.2, lw=0, label="p, the data")
            density.fill_between(x, q, color=COLOURS[1], alpha=0.2, lw=0, label="q, the generator")
            density.set(ylim=(0, 1.05 * max(p.max(), q.max())), ylabel="density")
            density.grid(visible=False)
            axes.set_zorder(density.get_zorder() + 1)
            axes.patch.set_visible(False)
            axes.plot(x, best, color=FAINT, lw=4, label="optimal D")
            axes.plot(x, trained, color=INK, lw=1.3, label="trained D")
            target = _target(row)
            axes.set(title=f"target for real data: {target:g}", xlabel="x", ylabel="D(x)", ylim=(0, 1.05))
            errors = [float(np.average(abs(d - b), weights=p + q)) for _, p, q, d, b in found]
            lines.append(
                {
                    "target for real data": f"{target:g}",
                    "runs": len(row.runs),
                    "mean distance to the optimal D": format_mean_std(errors, 3),
                    "largest D": format_mean_std([float(d.max()) for *_, d, _ in found], 3),
                    "largest optimal D": format_mean_std([float(b.max()) for *_, b in found], 3),
                }
            )
        shown = [axes.get_legend_handles_labels() for axes in (figure.axes[len(panels)], panels[0])]
        handles, labels = (shown[0][k] + shown[1][k] for k in (0, 1))
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        save_picture(figure, folder)
    return lines


def _target(row: Row) -> float:
    settings = row.runs[0].settings
    smoothed = settings["technique.label_smoothing.enabled"]
    return float(settings["technique.label_smoothing.real_target"]) if smoothed else 1.0


@torch.no_grad()
def _discriminators(run: Run) -> tuple[Density, Density, Density, Density, Density]:
    """x, p(x), q(x), the trained D(x) and the optimal one, over where either density is."""
    trained = load_run(run.folder, device="cpu")
    config, objective = trained.config, trained.pair.objective
    samples = trained.sample(SAMPLES, SEED).double().flatten().numpy()
    mixture = config.dataset.points
    assert mixture and mixture.means and mixture.stds and mixture.weights
    spread = 4 * max(mixture.stds)
    x = np.linspace(min(*mixture.means, samples.min()) - spread, max(*mixture.means, samples.max()) + spread, 400)
    weights = np.array(mixture.weights) / sum(mixture.weights)
    p = sum(
        weight * norm.pdf(x, mean, deviation)
        for weight, mean, deviation in zip(weights, mixture.means, mixture.stds, strict=True)
    )
    q = gaussian_kde(samples)(x)
    (output,) = trained.pair.discriminator(torch.from_numpy(x).float().view(-1, 1, 1, 1))
    assert isinstance(objective, Adversarial)
    found = objective.real_score(output.logits).sigmoid().double().numpy()
    return x, p, q, found, trained.pair.targets.real * p / (p + q)
