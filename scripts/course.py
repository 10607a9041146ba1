"""Does the five exercises of docs/course.md and writes one printable page: python scripts/course.py (`make course`).

Each exercise is a handful of `improved-gan` commands and the numbers to read off their results. `--bands` does them
with seeds 1 to 10 and stores the ranges in course_bands.json, which check_submission.py holds a hand-in against.
"""

import argparse
import base64
import html
import importlib.metadata
import json
import math
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parent.parent
BANDS = Path(__file__).with_name("course_bands.json")
SEEDS = range(1, 11)  # that bands are of
Commands = dict[str, list[str]]  # a name -> the arguments of one `improved-gan`
SHORT = ["training.threads=1", "tracking.mode=disabled"]


@dataclass(frozen=True)
class Exercise:
    """`commands` for a seed; `values` of the summaries of what they made, by the commands' names."""

    title: str
    task: str
    minutes: float  # that it may take on 2 cores
    commands: Callable[[int], Commands]
    values: Callable[[Mapping[str, dict[str, Any]]], dict[str, float]]
    pictures: str  # a pattern below each result's folder; the last that it finds is shown


def _game(seed: int) -> Commands:
    angle = 2 * math.pi * np.random.default_rng(seed).random()
    start = f"game.start=[{math.cos(angle):.4f},{math.sin(angle):.4f}]"
    return {update: ["job=game", f"game.update={update}", start] for update in ("simultaneous", "optimistic")}


def _ring(seed: int) -> Commands:
    common = ["experiment=phenomenon/mode_collapse_ring", "ablation=none", "training.steps=1000", f"seed={seed}"]
    return {f"{count} to 1": [*common, f"training.generator_steps={count}", *SHORT] for count in (1, 5)}


def _kernels(seed: int) -> Commands:
    common = ["experiment=phenomenon/mode_collapse_ring", "training.generator_steps=1", "training.steps=1000"]
    rows = {"nearest": "with_minibatch_discrimination", "mean": "with_minibatch_discrimination_mean_scale"}
    return {scale: [*common, f"ablation={row}", f"seed={seed}", *SHORT] for scale, row in rows.items()}


def _optimum(seed: int) -> Commands:
    common = ["-m", "experiment=phenomenon/optimal_discriminator", "training.steps=1000", f"seed={seed}", *SHORT]
    return {"both targets": [*common, f"output_root=outputs/optimum-{seed}"]}


def _fooled(seed: int) -> Commands:
    digits = load_digits()
    pixels = (digits.images * 255 / 16).round().astype(np.uint8)[..., None]
    source = np.random.default_rng(seed)
    of_class = [pixels[source.choice(np.flatnonzero(digits.target == k))] for k in range(10)]
    sets = {"copies": source.permutation(pixels)[:1000], "ten images": np.repeat(of_class, 100, axis=0)}
    wanted = "metrics.names=[classifier_score,frechet_classifier_distance]"
    commands = {}
    for name, images in sets.items():
        path = Path("outputs") / f"{name.replace(' ', '_')}-{seed}.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, images=images)
        commands[name] = ["job=evaluate", f"images={path}", "dataset=digits", "metrics.samples=1000", wanted]
    return commands


def _metrics(*names: str) -> Callable[[Mapping[str, dict[str, Any]]], dict[str, float]]:
    return lambda found: {
        f"{name.replace('_', ' ')}, {made}": summary["metrics"][name]["value"]
        for made, summary in found.items()
        for name in names
    }


EXERCISES = {
    "game": Exercise(
        "The xy game",
        "From anywhere on the unit circle: how far from the equilibrium after 1,000 steps? Why is the first the same?",
        0.1,
        _game,
        _metrics("distance_to_equilibrium"),
        "trajectory.png",
    ),
    "ring": Exercise(
        "The ring, one to one against five to one",
        "How many modes, and how many of the points lie near one? Which number alone would have told you?",
        2,
        _ring,
        _metrics("modes_captured", "high_quality_fraction", "mode_kl"),
        "samples/step_*.png",
    ),
    "kernels": Exercise(
        "The scale of minibatch discrimination's kernels",
        "Its exp(-|distance|) says nothing where all distances are large. Which scale helps the ring, set from the "
        "nearest neighbour's distance or from the mean distance?",
        3,
        _kernels,
        _metrics("modes_captured", "high_quality_fraction", "mode_kl"),
        "samples/step_*.png",
    ),
    "optimum": Exercise(
        "The optimal discriminator",
        "How far is the trained D from p / (p + q), and how far with a target of 0.75? How large can D become then?",
        2,
        _optimum,
        lambda found: found["both targets"],
        "report/phenomenon.png",
    ),
    "fooled": Exercise(
        "A metric fooled",
        "A thousand copies of the data, and ten images a hundred times each. Which metric is fooled by which?",
        5,
        _fooled,
        _metrics("classifier_score", "frechet_classifier_distance"),
        "",
    ),
}


def do(exercise: Exercise, seed: int) -> dict[str, Any]:
    """Run the exercise's commands, one after the other; what they were, gave and took."""
    started = time.monotonic()
    commands = exercise.commands(seed)
    folders = {name: _result(arguments) for name, arguments in commands.items()}
    values = exercise.values({name: _summary(folder) for name, folder in folders.items()})
    pictures = {name: _newest(folder, exercise.pictures) for name, folder in folders.items() if exercise.pictures}
    return {
        "commands": [shlex.join(["improved-gan", *arguments]) for arguments in commands.values()],
        "values": {name: round(value, 6) for name, value in values.items()},
        "seconds": round(time.monotonic() - started, 1),
        "pictures": pictures,
    }


def _result(arguments: Sequence[str]) -> Path:
    """The folder that the command names on its last line."""
    done = subprocess.run([sys.executable, "-m", "improved_gan", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"error: {shlex.join(['improved-gan', *arguments])} ended with status {done.returncode}")
    return Path(done.stdout.splitlines()[-1])


def _summary(folder: Path) -> dict[str, Any]:
    """Its summary.json; of a phenomenon's multirun the means in its table."""
    if (folder / "summary.json").is_file():
        summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
        return summary
    head, _, *lines = (folder / "report" / "phenomenon.md").read_text().splitlines()
    names = [word.strip() for word in head.strip("|").split("|")]
    rows = [dict(zip(names, map(str.strip, line.strip("|").split("|")), strict=True)) for line in lines]
    wanted = ("mean distance to the optimal D", "largest D")
    return {f"{name}, target {row[names[0]]}": float(row[name].split()[0]) for row in rows for name in wanted}


def _newest(folder: Path, pattern: str) -> str:
    path = max(folder.glob(pattern), key=lambda found: (len(found.name), found.name))
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def versions() -> dict[str, str]:
    """Of what decides numbers, and the commit where this is a clone."""
    asked = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    packages = ("improved-gan", "torch", "numpy", "scikit-learn")
    return {
        "commit": asked.stdout.strip() or "no git clone",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def page(submission: Mapping[str, Any], pictures: Mapping[str, Mapping[str, str]]) -> str:
    """One page that opens offline and prints; the numbers once more as JSON, for check_submission.py."""
    sections = []
    for key, done in submission["exercises"].items():
        exercise = EXERCISES[key]
        rows = "".join(f"<tr><td>{html.escape(n)}</td><td>{v:g}</td></tr>" for n, v in done["values"].items())
        figures = "".join(
            f'<figure><img src="{source}" alt="result"><figcaption>{html.escape(name)}</figcaption></figure>'
            for name, source in pictures[key].items()
        )
        sections.append(
            f"<section><h2>{html.escape(exercise.title)}</h2><p>{html.escape(exercise.task)}</p>"
            f"<pre>{html.escape(chr(10).join(done['commands']))}</pre><table>{rows}</table>"
            f"<div>{figures}</div><p>{done['seconds']:g} s of {60 * exercise.minutes:g} s.</p>"
            '<p class="answer">Answer:</p></section>'
        )
    made = html.escape(", ".join(f"{name} {word}" for name, word in submission["versions"].items()))
    stored = json.dumps(submission, indent=1).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>GAN course: submission</title>
<style>
body {{ font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }}
pre {{ background: #f5f7fa; padding: .6rem; font-size: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
td {{ padding: .1rem 1.2rem .1rem 0; }} td + td {{ text-align: right; font-variant-numeric: tabular-nums; }}
div {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: .5rem 0; flex: 1 1 14rem; max-width: 100%; }} img {{ max-width: 100%; }}
.answer {{ border-bottom: 1px solid #9aa5b1; height: 7rem; }}
@media print {{
  body {{ padding: 0; max-width: none; }} section, figure {{ break-inside: avoid; }} img {{ max-height: 8cm; }}
}}
</style></head><body>
<h1>GAN course: submission</h1>
<p>Seed {submission["seed"]}. Made with: {made}.</p>
{"".join(sections)}
<script type="application/json" id="submission">{stored}</script>
</body></html>
"""


def write_bands(keys: Sequence[str], path: Path) -> None:
    """The range of each value over `SEEDS`, an exercise at a time, so that what was done is kept."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    for key in keys:
        found = [do(EXERCISES[key], seed) for seed in SEEDS]
        stored["command"], stored["versions"] = "python scripts/course.py --bands", versions()
        stored.setdefault("exercises", {})[key] = {
            "seeds": [*SEEDS],
            "values": {name: [done["values"][name] for done in found] for name in found[0]["values"]},
        }
        path.write_text(json.dumps(stored, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=EXERCISES, default=[*EXERCISES])
    parser.add_argument("--output", type=Path, default=Path("submission.html"))
    parser.add_argument(
        "--bands", type=Path, nargs="?", const=BANDS, help="write the ranges over seeds 1 to 10 instead"
    )
    wanted = parser.parse_args()
    if wanted.bands:
        return write_bands(wanted.only, wanted.bands)
    exercises, pictures = {}, {}
    for key in wanted.only:
        print(f"{EXERCISES[key].title} ...", file=sys.stderr)
        done = do(EXERCISES[key], wanted.seed)
        pictures[key] = done.pop("pictures")
        exercises[key] = done
    submission = {"seed": wanted.seed, "versions": versions(), "exercises": exercises}
    wanted.output.write_text(page(submission, pictures))
    print(wanted.output)


if __name__ == "__main__":
    main()
