"""Put a finished run's generator into the package: `export_generator.py RUN NAME`, loaded as `pretrained/NAME`.

The weights are those that samples are drawn with, averaged where the run keeps an average; nothing else is kept of the
checkpoint. Checks that what it wrote draws the run's own images, bit for bit.
"""

import json
import sys
from pathlib import Path

import torch

import improved_gan
from improved_gan.run_folder import RunFolder
from improved_gan.training.checkpoint import save_checkpoint
from improved_gan.training.loading import PRETRAINED

ABOUT = ("status", "step", "total_steps", "seed", "dataset", "metrics", "diagnosis", "environment")


def main(source: Path, name: str) -> None:
    run = improved_gan.load(source, device="cpu")
    folder = RunFolder(PRETRAINED / name)
    run.config.output_root, run.config.data_root, run.config.device = "outputs", "data", "auto"
    folder.write_config(run.config)
    folder.write_summary({key: value for key, value in run.summary.items() if key in ABOUT})
    with run.pair.generator_player.averaged():
        state = {"step": run.step, "pair": {"generator": run.generator.state_dict()}}
        path = save_checkpoint(state, folder.checkpoints, run.step)
    assert torch.equal(improved_gan.load(folder.path, device="cpu").sample(100), run.sample(100))
    print(json.dumps({"file": path.name, "KiB": round(path.stat().st_size / 1024)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
