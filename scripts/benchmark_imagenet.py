"""How fast a folder of images becomes a prepared set and is read for training, against torchvision's ImageFolder.

python scripts/benchmark_imagenet.py [--images N]
CIFAR-10 (under IMPROVED_GAN_DATA) is blown up to N files of 200 to 500 pixels a side in ImageNet's layout: JPEG, PNG,
grey, CMYK, turned by EXIF. Both sides use all cores and give batches of 64 images of 128x128. `ratio` says how many
times faster ours is; of peak memory it is that of a fifth of the images over that of all.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from benchmark_evaluation import REPOSITORY, cifar10, entry

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.training import streaming
from improved_gan.training.batches import Batches, Images

sys.path.insert(0, str(REPOSITORY / "tests"))

from imagenet_folder import write_images

Entry = dict[str, Any]
BATCH_SIZE, SECONDS = 64, 20.0  # the latter: at most, for each side that reads
CLASSES = 10


def prepare_and_read(images: int) -> list[Entry]:
    """Images a second, prepared and read; and the most memory that preparing and reading took, in MB."""
    count = 2 * images  # 10,000 of `make bench ARGS=--full`
    with tempfile.TemporaryDirectory() as place:
        folders = {number: Path(place) / str(number) for number in (count // 5, count)}
        for number, folder in folders.items():
            pixels = cifar10("train", number).transpose(0, 2, 3, 1)
            write_images(pixels, [*range(CLASSES)] * (number // CLASSES), folder / "train", shortest=200, longest=500)
        start = time.perf_counter()
        dataset.load(config_of(folders[count]), folders[count])
        prepared = count / (time.perf_counter() - start)
        reference = rate(image_folder(folders[count] / "train"))
        found = [
            entry("imagenet_prepare_vs_image_folder", prepared, reference, "images/s"),
            entry("imagenet_read_vs_image_folder", rate(streamed(folders[count])), reference, "images/s"),
        ]
        for what in ("prepare", "read"):
            few, all_of_them = (peak_megabytes(what, folder) for folder in folders.values())
            line = entry(f"imagenet_{what}_memory_vs_fifth", all_of_them, few, "MB")
            found.append(line | {"ratio": few / all_of_them})
    return found


def config_of(folder: Path) -> Any:
    """The `dataset` node of a set in `folder`."""
    return compose_jobs(["job=prepare", "dataset=imagenet128", f"data_root={folder}"])[0].config.dataset


def streamed(folder: Path) -> Iterable[torch.Tensor]:
    """Batches of the prepared set, read from disk and scaled as training sees them, without end."""
    train = dataset.load(config_of(folder), folder).train
    streaming.STREAMED_FROM = 1
    images = Images(train.images, train.labels, offset=127.5, scale=127.5, device=torch.device("cpu"))
    batches = Batches(images, torch.arange(len(images)), None, size=BATCH_SIZE, seed=1)
    for number in range(2**31):
        yield batches.for_discriminator(number).real


def image_folder(folder: Path) -> Iterable[torch.Tensor]:
    """Batches of torchvision's ImageFolder and torch's DataLoader, once through."""
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    steps = [transforms.Resize(128), transforms.CenterCrop(128), transforms.ToTensor()]
    scaled = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    files = ImageFolder(str(folder), transforms.Compose([*steps, scaled]))
    loader = torch.utils.data.DataLoader(
        files, BATCH_SIZE, shuffle=True, num_workers=len(os.sched_getaffinity(0)), drop_last=True
    )
    return (images for images, _ in loader)


def rate(batches: Iterable[torch.Tensor]) -> float:
    """Images a second after the first batch, which starts processes and fills caches."""
    times, end = [], None
    for images in batches:
        assert images.shape[1:] == (3, 128, 128)
        times.append(time.perf_counter())
        end = end or times[0] + SECONDS
        if times[-1] > end:
            break
    return (len(times) - 1) * BATCH_SIZE / (times[-1] - times[0])


def peak_megabytes(what: str, folder: Path) -> float:
    """The most memory of a process of its own, or of the largest of its workers, that prepares or reads `folder`."""
    # By way of a shell that forks: what a process has held so far, its children are said to have held as well.
    line = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, __file__, "--peak", what, str(folder)]
    return float(subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout)


def show_peak(what: str, folder: Path) -> None:
    """Prepare the images once more elsewhere, or read each of them once; print the peak."""
    if what == "prepare":
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "train").symlink_to(folder / "train")
            dataset.load(config_of(Path(place)), Path(place))
    else:
        count = len(dataset.load(config_of(folder), folder).train.images)
        for number, _ in enumerate(streamed(folder)):
            if number * BATCH_SIZE > count:
                break
    held = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(max(held) * 1024 / 1e6)


BENCHMARKS: dict[str, Callable[[int], list[Entry]]] = {"imagenet_vs_image_folder": prepare_and_read}


def main() -> None:
    """Print one JSON object a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.peak:
        show_peak(wanted.peak[0], Path(wanted.peak[1]))
        return
    for line in prepare_and_read(wanted.images // 2):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
