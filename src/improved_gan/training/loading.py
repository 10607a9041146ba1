"""A trained run, read back: its pair with the weights of a checkpoint, ready to sample and to judge."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Real
from PIL import Image
from torch import Tensor

from improved_gan.config import Config, UsageError
from improved_gan.run_folder import RunFolder, read_config
from improved_gan.training.builder import build_gan
from improved_gan.training.checkpoint import load_newest, read_state
from improved_gan.training.device import prepare_arithmetic
from improved_gan.training.gan import GAN
from improved_gan.training.sampling import Sampler

if TYPE_CHECKING:
    import pandas

PRETRAINED = Path(__file__).parents[1] / "pretrained"  # generators that come with the package


@dataclass(frozen=True)
class TrainedRun:
    """The trained pair of a run; `generator` and `discriminator` are ordinary torch modules."""

    folder: Path
    config: Config
    pair: GAN
    sampler: Sampler
    step: int
    generator_alone: bool = False  # its checkpoint holds no discriminator, as in `pretrained/`

    @property
    def generator(self) -> torch.nn.Module:
        return self.pair.generator

    @property
    def discriminator(self) -> torch.nn.Module:
        if self.generator_alone:
            raise UsageError(f"run={self.folder}: holds a generator only; improved_gan.train makes both players")
        return self.pair.discriminator

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json says: status, metrics with their circumstances, diagnosis, timing, environment."""
        return RunFolder(self.folder).summary()

    @property
    def metrics(self) -> "pandas.DataFrame":
        """What metrics.jsonl holds: a row for each logged step, NaN where a metric was not taken."""
        import pandas  # heavy: only when needed

        lines = RunFolder(self.folder).metrics()
        return pandas.DataFrame(lines, columns=None if lines else ["step"]).set_index("step")

    @property
    def pictures(self) -> list[Image.Image]:
        """The pictures drawn of the same latents while training, oldest first."""
        paths = sorted(RunFolder(self.folder).samples.glob("step_*.png"), key=lambda path: int(path.stem[5:]))
        pictures: list[Image.Image] = [Image.open(path) for path in paths]
        for picture in pictures:
            picture.load()  # and close the file
        return pictures

    def sample(self, n: int, seed: int = 0) -> Real[Tensor, "n channel height width"] | Real[Tensor, "n coordinate"]:
        """`n` images, 0..255, or points, floating-point (n, D); the same seed gives the same."""
        samples = self.sampler.sample(n, seed)
        return samples.flatten(1) if self.config.dataset.holds_points else samples


def load_run(run: Path | str, checkpoint: str = "newest", device: str = "auto") -> TrainedRun:
    """Load the run in folder `run`, or one that comes with the package (`pretrained/digits`).

    Raises `UsageError` if it is none or has no readable checkpoint.
    """
    folder = _folder(Path(run))
    config = read_config(folder)
    config.device = device
    where = prepare_arithmetic(config)
    state = _state(folder / "checkpoints", checkpoint, where)
    pair = build_gan(config, config.dataset.classes, where)
    generator_alone = state["pair"].keys() == {"generator"}
    try:
        if generator_alone:
            pair.generator.load_state_dict(state["pair"]["generator"])
            pair.generator_player.average = None  # it is what was stored
        else:
            pair.load_state_dict(state["pair"])
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"run={run}: its checkpoint is not of the networks in its config.yaml ({reason})") from None
    pair.discriminator.eval()
    architecture = config.architecture
    sampler = Sampler(
        pair,
        batch_size=config.training.seen_together(),
        offset=architecture.pixel_offset,
        scale=architecture.pixel_scale,
        as_bytes=not config.dataset.holds_points,
    )
    return TrainedRun(folder, config, pair, sampler, state["step"], generator_alone)


def _folder(run: Path) -> Path:
    """`run` itself, or the package's folder where it is `pretrained/NAME` and there is no such folder here."""
    if run.parts[:1] != ("pretrained",) or run.exists():
        return run
    there = [f"pretrained/{folder.name}" for folder in sorted(PRETRAINED.iterdir())]
    if str(run) not in there:
        raise UsageError(f"run={run}: no such generator comes with the package; there is {', '.join(there)}")
    return PRETRAINED / run.name


def _state(checkpoints: Path, which: str, device: torch.device) -> dict[str, Any]:
    """What the newest checkpoint holds that can be read, or the best one."""
    if which == "best":
        best = checkpoints / "best.pt"
        if not best.is_file():
            raise UsageError(f"sample.checkpoint=best: {checkpoints.parent} has no best.pt; use newest")
        try:
            return read_state(best, device)
        except ValueError as error:
            raise UsageError(f"sample.checkpoint=best: {best} is damaged ({error}); use newest") from None
    state = load_newest(checkpoints, device)
    if state is None:
        raise UsageError(f"run={checkpoints.parent}: has no checkpoint that can be read")
    return state
