"""Folders of runs in the format of `improved_gan.run_folder`, made without training.

`python made_runs.py FOLDER COUNT` makes that many.
"""

import dataclasses
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from PIL import Image

from improved_gan.composing import compose_jobs

TECHNIQUES = (
    "feature_matching",
    "minibatch_discrimination",
    "historical_averaging",
    "label_smoothing",
    "virtual_batch_norm",
)
ENVIRONMENT = {"python": "3.11.7", "torch": "2.14.1", "git_commit": "f2b7fa0", "device": "cpu", "threads": 2}


class Maker:
    """Makes run folders below `root`; configs are composed once for each set of overrides."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.configs: dict[tuple[str, ...], str] = {}

    def run(
        self,
        name: str,
        *overrides: str,
        seed: int = 1,
        metrics: dict[str, Any] | None = None,
        status: str = "finished",
        steps: int = 1000,
        curve: list[float] | None = None,
        pictures: bool = False,
        **summary: Any,
    ) -> Path:
        """One run; `metrics` as in summary.json, `curve` the test error over the run."""
        folder = self.root / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(self._config(overrides, seed))
        done = steps if status == "finished" else steps // 2
        written = {
            "status": status,
            "step": done,
            "total_steps": steps,
            "seed": seed,
            "experiment": self.root.name,
            "overrides": [*overrides, f"seed={seed}"],
            "scaled": False,
            "budget": "paper",
            "metrics": metrics or {},
            "timing": {"started": "2026-11-21T22:00:00", "seconds": 118.5},
            "environment": ENVIRONMENT,
        }
        (folder / "summary.json").write_text(json.dumps(written | summary, indent=2))
        self._log(folder, done, curve or [], seed)
        if pictures:
            draw_grid(folder / "samples" / f"step_{done:06d}.png", seed)
        return folder

    def _config(self, overrides: tuple[str, ...], seed: int) -> str:
        if overrides not in self.configs:
            (request,) = compose_jobs(self._complete(overrides))
            self.configs[overrides] = OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(request.config)))
        return re.sub(r"(?m)^seed: .*$", f"seed: {seed}", self.configs[overrides])

    @staticmethod
    def _complete(overrides: tuple[str, ...]) -> list[str]:
        """Digits without techniques, unless the overrides choose otherwise: independent of the default run."""
        chosen = {text.partition("=")[0] for text in overrides}
        base = () if "experiment" in chosen else ("dataset=digits", "architecture=digits_conv", "technique=none")
        return [text for text in base if text.partition("=")[0] not in chosen] + list(overrides)

    @staticmethod
    def _log(folder: Path, done: int, curve: list[float], seed: int) -> None:
        source = np.random.default_rng(seed)
        lines = []
        for step in range(10, done + 1, 10):
            losses = {"discriminator_loss": 0.4 + source.normal(0, 0.03), "generator_loss": 0.2 + 1 / step}
            lines.append({"step": step, "epoch": step / 17, **losses, "images_per_second": 9000.0})
        for value, line in zip(curve, lines[:: max(1, len(lines) // max(1, len(curve)))], strict=False):
            line["test_error"] = value
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def error_of(value: float, samples: int = 360, **more: Any) -> dict[str, Any]:
    """A `metrics` node of summary.json."""
    errors = round(value * samples)
    return {"test_error": {"value": value, "errors": errors, "samples": samples, "split": "test"} | more}


def draw_grid(path: Path, seed: int) -> None:
    """An 8x8 grid of blobs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(seed)
    y, x = np.mgrid[0:8, 0:8]
    tiles = [
        np.pad(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 4) * 255, 1, constant_values=128)
        for a, b in source.uniform(1, 6, (64, 2))
    ]
    rows = [np.concatenate(tiles[k : k + 8], axis=1) for k in range(0, 64, 8)]
    buffer = io.BytesIO()
    large = np.concatenate(rows).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    Image.fromarray(large).save(buffer, format="png")
    path.write_bytes(buffer.getvalue())


def save_logits(folder: Path, seed: int, wrong: float, labels_from: int = 0) -> None:
    """test_logits.npz of a classifier that errs on about `wrong` of 360 images, each seed on others."""
    labels = np.random.default_rng(labels_from).integers(0, 10, 360)
    source = np.random.default_rng(seed + 100)
    logits = source.normal(0, 1, (360, 10)).astype(np.float32)
    logits[np.arange(360), labels] += np.where(source.uniform(size=360) < wrong, -4.0, 4.0).astype(np.float32)
    np.savez(folder / "test_logits.npz", logits=logits, labels=labels)


def factorial(root: Path, seeds: int = 3, techniques: tuple[str, ...] = TECHNIQUES, pictures: bool = False) -> None:
    """Every combination of `techniques`: minibatch discrimination takes .04 off, two clash by .05."""
    maker = Maker(root)
    for number in range(2 ** len(techniques)):
        on = [bool(number >> k & 1) for k in range(len(techniques))]
        switches = [f"technique.{name}.enabled={str(s).lower()}" for name, s in zip(techniques, on, strict=True)]
        state = dict(zip(techniques, on, strict=True))
        for seed in range(1, seeds + 1):
            noise = float(np.random.default_rng(1000 * number + seed).normal(0, 0.006))
            value = 0.12 - 0.04 * state.get("minibatch_discrimination", False) + noise
            value += 0.05 * (state.get("feature_matching", False) and state.get("label_smoothing", False))
            curve = list(value + 0.4 * np.exp(-np.arange(20) / 4))
            maker.run(
                f"run_{number:03d}-{seed}",
                *switches,
                seed=seed,
                metrics=error_of(value),
                curve=curve,
                pictures=pictures,
            )


def many(root: Path, count: int = 1000, lines: int = 500) -> None:
    """`count` runs: rows of ten seeds over two learning rates, batch sizes and four techniques, with long logs."""
    maker = Maker(root)
    for number in range(count):
        row, seed = divmod(number, 10)
        switches = [
            f"technique.{name}.enabled={str(bool(row >> k & 1)).lower()}" for k, name in enumerate(TECHNIQUES[:4])
        ]
        switches.append(f"training.learning_rate={0.001 * (1 + row // 16)}")
        value = 0.1 + 0.001 * row + 0.01 * float(np.random.default_rng(number).normal())
        curve = list(value + 0.4 * np.exp(-np.arange(20) / 4))
        folder = maker.run(
            f"run_{number:04d}",
            *switches,
            seed=seed + 1,
            metrics=error_of(value),
            curve=curve,
            steps=10 * lines,
            pictures=True,
        )
        save_logits(folder, number, 0.1)


if __name__ == "__main__":
    many(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
