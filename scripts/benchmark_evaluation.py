"""How fast images are judged, against torch-fidelity and pytorch-fid on the same images and (random) Inception weights.

python scripts/benchmark_evaluation.py [--images N] [NAME ...]      names: the functions in BENCHMARKS
Needs cifar10.npz under IMPROVED_GAN_DATA. `ratio` says how many times faster ours is.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from random_inception import write_folder, write_random_inception  # noqa: E402

from improved_gan.metrics.extraction import Moments, extract  # noqa: E402
from improved_gan.metrics.frechet_distance import frechet_distance  # noqa: E402

Entry = dict[str, Any]


def entry(name: str, ours: float, reference: float, unit: str, **more: Any) -> Entry:
    """One line of the benchmark; `unit` decides whether more or less is better."""
    ratio = reference / ours if unit == "seconds" else ours / reference
    return {"name": name, "ours": ours, "reference": reference, "ratio": ratio, "unit": unit, **more}


def cifar10(split: str, count: int) -> np.ndarray:
    """The first images of a split, (n, 3, 32, 32)."""
    with np.load(Path(os.environ["IMPROVED_GAN_DATA"]) / "cifar10.npz") as stored:
        return np.ascontiguousarray(stored[f"x_{split}"][:count].transpose(0, 3, 1, 2))


class Done(NamedTuple):
    """What a command took and printed; `processor` is what all its threads worked, waiting for a busy machine apart."""

    seconds: float
    processor: float
    output: str


def run(command: list[str], environment: dict[str, str]) -> Done:
    """Run `command`, which must succeed."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(time.perf_counter() - start, worked, done.stdout)


def evaluation_vs_tools(images: int) -> list[Entry]:
    """IS, FID and KID by `job=evaluate`, nothing cached, against torch-fidelity's and then pytorch-fid's command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "hub" / "checkpoints" / "pt_inception-2015-12-05-6726825d.pth"
        weights.parent.mkdir(parents=True)
        write_random_inception(weights, torch.from_numpy(cifar10("train", 6)))
        samples = str(write_folder(folder / "samples", cifar10("test", images)))
        reals = str(write_folder(folder / "reals", cifar10("train", images)))
        environment = os.environ | {"TORCH_HOME": name, "XDG_CACHE_HOME": str(folder / "cache")}
        subset = min(1000, images)
        command = [sys.executable, "-m", "improved_gan", "dataset=cifar10"]
        environment["IMPROVED_GAN_DATA"] = _data_root_of_its_own(folder)
        run([*command, "job=prepare"], environment)
        evaluate = [
            *(*command, "job=evaluate", f"images={samples}", f"output_root={folder / 'out'}"),
            "metrics.names=[inception_score,frechet_inception_distance,kernel_inception_distance]",
            *(f"metrics.reference_samples={images}", f"metrics.samples={images}"),
            *(f"metrics.kid_subset_size={subset}", f"metrics.inception_weights={weights}"),
        ]
        ours = run(evaluate, environment)
        metrics = json.loads((Path(ours.output.splitlines()[-1]) / "summary.json").read_text())["metrics"]
        torch_fidelity = [
            *(str(Path(sys.executable).parent / "fidelity"), "--cpu", "--isc", "--fid", "--kid", "--json", "--silent"),
            *("--input1", samples, "--input2", reals, "--kid-subset-size", str(subset)),
            *("--feature-extractor-weights-path", str(weights), "--no-samples-shuffle"),
        ]
        first = run(torch_fidelity, environment)
        theirs = json.loads(first.output)
        pytorch_fid = [sys.executable, "-m", "pytorch_fid", samples, reals, "--device", "cpu"]
        second = run(pytorch_fid, environment)
    pairs = {
        "inception_score": "inception_score_mean",
        "frechet_inception_distance": "frechet_inception_distance",
        "kernel_inception_distance": "kernel_inception_distance_mean",
    }
    worst = max(abs(metrics[name]["value"] / theirs[their] - 1) for name, their in pairs.items())
    assert worst < 1e-4, (metrics, theirs)
    return [
        entry(
            "evaluation_vs_tools",
            ours.seconds,
            first.seconds + second.seconds,
            "seconds",
            images=images,
            torch_fidelity=first.seconds,
            pytorch_fid=second.seconds,
            ratio_of_processor_time=(first.processor + second.processor) / ours.processor,
            largest_relative_difference=worst,
            pytorch_fid_value=float(second.output.split()[-1]),
        )
    ]


def _data_root_of_its_own(folder: Path) -> str:
    (folder / "data").mkdir()
    (folder / "data" / "cifar10.npz").symlink_to(Path(os.environ["IMPROVED_GAN_DATA"]).resolve() / "cifar10.npz")
    return str(folder / "data")


def fid_solve_seconds(images: int) -> list[Entry]:
    """FID from statistics of width 2048 against pytorch-fid's formula (scipy's matrix square root)."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    source = torch.Generator().manual_seed(0)
    mix = torch.randn(2048, 2048, generator=source, dtype=torch.float64) / 45
    sets = [torch.randn(3000, 2048, generator=source, dtype=torch.float64) @ mix + shift for shift in (0, 0.1)]
    first, second = (Moments(len(each), each.mean(dim=0), each.T.cov()) for each in sets)
    start = time.perf_counter()
    value = frechet_distance(first, second)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    expected = calculate_frechet_distance(
        *(part.numpy() for moments in (first, second) for part in (moments.mean, moments.covariance))
    )
    reference = time.perf_counter() - start
    assert abs(value / expected - 1) < 1e-6, (value, expected)
    return [entry("fid_solve_seconds", ours, reference, "seconds", relative_difference=abs(value / expected - 1))]


def inception_vs_torch_fidelity(images: int) -> list[Entry]:
    """Features of CIFAR-10 images against torch-fidelity's extraction loop; the best of two turns each."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.utils import get_featuresdict_from_dataset

    from improved_gan.metrics.inception import Inception

    pixels = cifar10("test", images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        write_random_inception(path, torch.from_numpy(pixels[:6]))
        theirs = FeatureExtractorInceptionV3("theirs", ["2048", "logits_unbiased"], str(path))
        ours = Inception(torch.load(path), "0" * 8, device=torch.device("cpu"), batch_size=BATCH_SIZE)
    dataset = _Pixels(pixels)
    turns: dict[str, list[float]] = {"ours": [], "reference": []}
    for _ in range(2):
        start = time.perf_counter()
        extract(ours, pixels, splits=1, keep=True)
        turns["ours"].append(images / (time.perf_counter() - start))
        start = time.perf_counter()
        get_featuresdict_from_dataset(dataset, theirs, 64, False, True, False)
        turns["reference"].append(images / (time.perf_counter() - start))
    best = {name: max(rates) for name, rates in turns.items()}
    return [entry("inception_vs_torch_fidelity", best["ours"], best["reference"], "images/s", images=images)]


class _Pixels(torch.utils.data.Dataset[torch.Tensor]):
    """Images as torch-fidelity wants them."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = torch.from_numpy(pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.pixels[index]


BATCH_SIZE = 64
BENCHMARKS: dict[str, Callable[[int], list[Entry]]] = {
    "fid_solve_seconds": fid_solve_seconds,
    "inception_vs_torch_fidelity": inception_vs_torch_fidelity,
    "evaluation_vs_tools": evaluation_vs_tools,
}


def main() -> None:
    """Print one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), help=", ".join(BENCHMARKS))
    parser.add_argument("--images", type=int, default=200)
    wanted = parser.parse_args()
    for name in wanted.names:
        for line in BENCHMARKS[name](wanted.images):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
