"""`job=evaluate`: images of a run, in a folder or in an .npz, measured; one table, JSON, CSV and pictures."""

import csv
import hashlib
import io
import json
import logging
import time
from pathlib import Path
from typing import Any, Literal, cast

import torch

from improved_gan import dataset
from improved_gan.composing import Request
from improved_gan.config import Config, EvaluateConfig, UsageError
from improved_gan.devices import choose_device
from improved_gan.evaluation.eval_discriminator import eval_discriminator
from improved_gan.evaluation.evaluator import EvaluationResult, Evaluator
from improved_gan.evaluation.sample_files import read_images, read_points
from improved_gan.files import atomic_write
from improved_gan.job.train import environment
from improved_gan.metrics.inputs import EvalDiscriminator, ImageSet, as_entry
from improved_gan.nodes import DatasetConfig
from improved_gan.run_data import refuse_changed_data, stored_data
from improved_gan.run_folder import RunFolder, check_writable
from improved_gan.training.device import DEFAULT_THREADS
from improved_gan.training.loading import load_run
from improved_gan.training.sampling import save_grid

log = logging.getLogger("improved_gan")
CSV_COLUMNS = (
    *(
        "metric",
        "value",
        "std",
        "std_over",
        "stderr",
        "stderr_over",
        "samples",
        "split",
        "features",
        "reference",
        "reference_samples",
    ),
    *("sampling_seed", "sampling_batch_size", "judging_batch_size", "warning"),
)
COLUMNS = ("metric", "value", "spread", "N", "split", "network", "reference")


def evaluate(request: Request) -> Path:
    """Measure what `images=` names, print the table and return the folder with `summary.json` and `table.csv`."""
    config, wanted = request.config, request.config.evaluate
    assert wanted is not None and config.images is not None
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.perf_counter()
    path = Path(config.images)
    is_run = (path / "config.yaml").is_file()
    if is_run:
        refuse_changed_data(path, request)
    samples, discriminator, origin, data = _samples_of_run(config, wanted) if is_run else _loose_samples(config, wanted)
    if len(samples) < 2:
        raise UsageError(f"images={path}: holds {len(samples)} image; must be at least 2")
    folder = _folder_in_run(path, wanted, origin) if is_run else _folder_of_its_own(config, samples.name)
    check_writable(folder, f"images={path}" if is_run else f"output_root={config.output_root}")
    device = choose_device(config.device)
    torch.set_num_threads(config.training.threads or DEFAULT_THREADS)
    evaluator = Evaluator(
        config.metrics,
        lambda: stored_data(path, request) if is_run else dataset.load(data, Path(config.data_root)),
        device,
        wanted.seed,
        points=data.holds_points,
    )
    samples = evaluator.in_colours_of_data(samples)
    result = evaluator.evaluate(samples, discriminator)
    entries = {metric: as_entry(score, samples) for metric, score in result.scores.items()}
    summary = {
        "status": "finished",
        "images": str(path.absolute()),
        "origin": origin | {"samples": len(samples)},
        "metrics": entries,
        "not_measured": result.missing,
        "timing": {"started": started, "seconds": round(time.perf_counter() - clock, 2)},
        "environment": environment(device),
    }
    _print(entries, result)
    _write(folder, summary, result)
    return folder


def _folder_in_run(run: Path, wanted: EvaluateConfig, origin: dict[str, Any]) -> Path:
    """Where the evaluation of a run goes: never onto that of other samples, of another step or seed.

    Where `default` is taken by other samples, step and seed are the folder's name. Raises `UsageError` where
    `evaluate.name` asks for a folder that is taken.
    """
    own = f"step_{origin['step']:06d}-seed_{wanted.seed}"
    for name in (wanted.name,) if wanted.name else ("default", own):
        folder = run / "evaluation" / name
        earlier = RunFolder(folder).summary().get("origin") or origin
        if all(earlier.get(key) == value for key, value in origin.items()):
            return folder
        held = f"step {earlier.get('step')}, seed {earlier.get('seed')}"
        log.info("%s holds the evaluation of %s", folder, held)
    raise UsageError(f"evaluate.name={name}: {folder} holds the evaluation of {held}; give another name")


def _folder_of_its_own(config: Config, images_name: str) -> Path:
    """Where the evaluation of loose images goes: never onto that of images from elsewhere.

    Images of a name that is taken get a folder with a hash of their path. Raises `UsageError` where
    `evaluate.name` asks for a folder that is taken.
    """
    assert config.evaluate is not None
    parent, source = Path(config.output_root).absolute() / "evaluate", str(Path(str(config.images)).absolute())
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    for name in (config.evaluate.name,) if config.evaluate.name else (images_name, f"{images_name}-{digest}"):
        summary = RunFolder(parent / name).summary()
        earlier = summary.get("images", source)
        if earlier == source and summary.get("origin", {}).get("split") in (None, config.evaluate.split):
            return parent / name
    raise UsageError(f"evaluate.name={name}: {parent / name} holds the evaluation of {earlier}; give another name")


def _samples_of_run(
    config: Config, wanted: EvaluateConfig
) -> tuple[ImageSet, EvalDiscriminator | None, dict[str, Any], DatasetConfig]:
    """Samples of the run's generator, its discriminator, how they were drawn, and the data that it was trained on."""
    run = load_run(Path(str(config.images)), cast("Literal['newest', 'best']", wanted.checkpoint), config.device)
    if not run.pair.objective.trains_generator:
        raise UsageError(f"images={config.images}: objective={run.config.objective.name} trains no generator")
    images = run.sampler.sample(config.metrics.samples, wanted.seed).numpy()
    architecture, sampler = run.config.architecture, run.sampler
    discriminator = eval_discriminator(
        run.pair,
        offset=architecture.pixel_offset,
        scale=architecture.pixel_scale,
        batch_size=sampler.batch_size,
        device=next(run.discriminator.parameters()).device,
    )
    origin = {
        "step": run.step,
        **sampler.protocol(wanted.seed),
        "weights": "current" if run.pair.generator_player.average is None else "averaged",
    }
    key = f"step {run.step} seed {wanted.seed}"
    samples = ImageSet("samples", key, images, drawn=sampler.protocol(wanted.seed))
    return samples, discriminator, origin, run.config.dataset


def _loose_samples(config: Config, wanted: EvaluateConfig) -> tuple[ImageSet, None, dict[str, Any], DatasetConfig]:
    path = Path(str(config.images))
    if config.dataset.holds_points:
        return read_points(path, config.metrics.samples), None, {}, config.dataset
    samples, skipped = read_images(
        path,
        skip_unreadable=wanted.skip_unreadable,
        count=config.metrics.samples,
        seed=wanted.seed,
        split=wanted.split,
    )
    origin = {"skipped": skipped, "order": "shuffled", "order_seed": wanted.seed, "split": wanted.split}
    return samples, None, origin, config.dataset


def _write(folder: Path, summary: dict[str, Any], result: EvaluationResult) -> None:
    table = io.StringIO()
    writer = csv.DictWriter(table, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"metric": metric} | entry for metric, entry in summary["metrics"].items())
    for score in result.scores.values():
        for picture in score.pictures:
            save_grid(picture.images, folder / f"{picture.name}.png", picture.columns)
    for name, text in (("table.csv", table.getvalue()), ("summary.json", json.dumps(summary, indent=2) + "\n")):
        with atomic_write(folder / name) as file:
            file.write(text.encode())


def _print(entries: dict[str, dict[str, Any]], result: EvaluationResult) -> None:
    rows = [_row(metric, entry) for metric, entry in entries.items()]
    widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for metric, entry in entries.items():
        if "warning" in entry:
            print(f"* {metric} {entry['warning']}")
    for reason in dict.fromkeys(result.missing.values()):
        print(f"{', '.join(name for name, why in result.missing.items() if why == reason)} not measured: {reason}")


def _row(metric: str, entry: dict[str, Any]) -> tuple[str, ...]:
    spreads = [
        f"{entry[kind]:.4g} ({kind} over {entry[f'{kind}_over']})" for kind in ("std", "stderr") if kind in entry
    ]
    return (
        metric,
        f"{entry['value']:.6g}" + (" *" if "warning" in entry else ""),
        "".join(spreads),
        str(entry["samples"]),
        entry.get("split", ""),
        entry.get("features", ""),
        f"{entry['reference']} ({entry['reference_samples']})" if "reference" in entry else "",
    )
