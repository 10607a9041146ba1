"""The nodes of a run's config that a group's own code is handed whole; `config.py` puts the run together."""

from dataclasses import dataclass

from omegaconf import MISSING

from improved_gan.schema import files_of, number, one_of


@dataclass
class PointsConfig:
    """A mixture of Gaussians that points are drawn from: equally likely ones in the plane, or listed ones on a line."""

    arrangement: str = one_of("ring", "grid", "spiral", "line")
    modes: int | None = number(minimum=1)  # in the plane; a line has as many as `means`
    radius: float | None = number(above=0)  # of ring and spiral; of the grid, half its side
    turns: float | None = number(above=0)  # of the spiral
    std: float | None = number(above=0)  # of each mode in the plane
    means: list[float] | None = MISSING  # on the line
    stds: list[float] | None = MISSING
    weights: list[float] | None = MISSING  # whatever their sum


@dataclass
class SyntheticConfig:
    """How much is drawn of a set that is drawn and not read."""

    train: int = number(minimum=2)
    test: int = number(minimum=2)
    seed: int = number(minimum=0, maximum=2**32 - 1)  # its own: every run sees the same data


@dataclass
class DatasetConfig:
    name: str = MISSING
    source: str = one_of(*files_of("dataset/source"))
    path: str | None = MISSING
    image_shape: list[int] | None = MISSING  # channels, height, width; null: whatever the file holds
    classes: int | None = MISSING  # null: counted in the file
    class_names: list[str] | None = MISSING
    labels_per_class: int | None = number(minimum=1)  # null: every training label
    label_seed: int = number(minimum=0, maximum=2**32 - 1)
    validation_images: int = number(minimum=0)  # training images held out, for choosing anything
    evaluate_on: str = one_of("test", "validation")
    synthetic: SyntheticConfig | None = None  # of points and of stacked digits
    points: PointsConfig | None = None

    @property
    def holds_points(self) -> bool:
        """Whether an example is a point, floating-point numbers, and no image, bytes."""
        return self.source == "points"


@dataclass
class ArchitectureConfig:
    name: str = one_of(*files_of("architecture"))
    image_shape: list[int] = MISSING  # channels, height, width
    width: int = number(minimum=1, maximum=8192)  # of the discriminator's first layer; the others scale with it
    generator_width: int = number(minimum=1, maximum=8192)  # of the generator's narrowest hidden layer; likewise
    latent_size: int = number(minimum=1, maximum=65536)
    latent_distribution: str = one_of("uniform", "symmetric_uniform", "normal")  # U(0,1), U(-1,1), N(0,1)
    pixel_offset: float = MISSING  # an image is (byte - offset) / scale
    pixel_scale: float = number(above=0)
    input_regulariser: str | None = one_of("dropout", "noise")  # of images, rate or deviation .2, where a pair has it
    batch_norm: bool = MISSING  # in the generator; false: nothing normalises, unless virtual batch norm is on
    first_normalisation: str | None = one_of("per_unit", "per_channel")  # before or after the generator's reshape
    learns_in_bf16: bool = MISSING  # seen to learn with bf16 products as with fp32: what training.precision=auto takes
    initialise_on: str = one_of("labelled", "unlabelled")  # the images of the data-dependent initialisation
    cpu_width: int = number(
        minimum=1, affects_result=False
    )  # for budget=cpu: the width that both players are cut down to,
    cpu_steps_per_hour: int = number(minimum=1, affects_result=False)  # and the steps that 2 cores make in an hour then


@dataclass
class TrackingConfig:
    mode: str = one_of("auto", "online", "offline", "disabled")
    project: str = MISSING
    entity: str | None = MISSING
    group: str | None = MISSING
