"""The schema of a run: every key with its type and range, and the checks that span several keys.

The values live in `conf/*.yaml`; nothing here has a default. A request that cannot be carried out raises
`UsageError`, whose message is the one line that the user reads. Nothing in this file imports torch.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import MISSING

from improved_gan import registry
from improved_gan.metrics.registry import METRICS
from improved_gan.schema import NO_VALUE, UsageError, key, number, number_of, one_of

__all__ = ["NO_VALUE", "Config", "UsageError", "key", "number", "number_of", "one_of"]

PHENOMENA = (
    "mode_collapse",
    "oscillation",
    "vanishing_gradient",
    "optimal_discriminator",
    "batch_effects",
    "balance",
    "learning_rates",
    "sensitivity",
    "stacked_mnist",
)


@dataclass
class JobConfig:
    name: str = one_of("train", "evaluate", "sample", "prepare", "report", "search", "game", "human_study")


@dataclass
class SampleConfig:
    """Keys of `job=sample`."""

    count: int = number(minimum=1)
    columns: int = number(minimum=1)
    seed: int = number(minimum=0, maximum=2**32 - 1)
    interpolations: int = number(minimum=0)
    interpolation_steps: int = number(minimum=2)
    animation: bool = MISSING
    checkpoint: str = one_of("newest", "best")


@dataclass
class EvaluateConfig:
    """Keys of `job=evaluate`."""

    name: str | None = MISSING  # of the folder with the result
    checkpoint: str = one_of("newest", "best")
    seed: int = number(minimum=0, maximum=2**32 - 1)  # of the latents
    split: str | None = one_of("train", "test")  # of an .npz with x_train and x_test
    skip_unreadable: bool = MISSING  # leave unreadable files of a folder of images out


@dataclass
class ReportConfig:
    """Keys of `job=report`."""

    metric: str | None = MISSING  # what curves and rank order are about; null: the paper's, else the first known one
    confidence: float = number(above=0.5, maximum=0.999)  # of every interval
    resamples: int = number(minimum=100)  # of the bootstrap
    rows: int = number(minimum=1)  # shown in plots and sample grids; tables hold all
    figures: str | None = one_of("svg", "pdf")  # the page's plots as files, too; null: in the page alone


@dataclass
class HumanStudyConfig:
    """Keys of `job=human_study`."""

    name: str = MISSING
    compare: list[str] = MISSING  # runs, folders of images, .npz files
    images: int = number(minimum=2, maximum=1000)  # a participant judges, before repeats and attention checks
    real_share: float = number(above=0, maximum=0.99)
    top_percent: float = number(above=0, maximum=100)  # of a generator's samples are candidates: the best ones
    top_by: str = one_of("inception_score", "classifier_score")
    layout: str = one_of("single", "grid")
    repeats: int = number(minimum=0)
    attention_checks: int = number(minimum=0, maximum=100)
    feedback: str = one_of("random", "always", "never")
    seed: int = number(minimum=0, maximum=2**32 - 1)
    host: str = MISSING
    port: int = number(minimum=0, maximum=65535)
    token: str | None = MISSING  # that every participant's link carries


@dataclass
class SearchConfig:
    """Keys of `job=search`."""

    metric: str = one_of(*METRICS)
    direction: str | None = one_of("minimize", "maximize")  # null: whichever is better
    trials: int = number(minimum=1)
    seeds: list[int] | None = MISSING  # a setting's value is the mean over them; null: seed
    confirm_seeds: list[int] | None = MISSING  # that the chosen setting is then run on
    pruning: str = one_of("none", "median")
    space: Any = MISSING  # {key: [low, high, log], [low, high, linear], or choices}


@dataclass
class PaperResultConfig:
    """One figure that the paper prints for a row."""

    measure: str  # its name here, e.g. test_error
    value: float
    error: float | None = None  # what the paper prints after the ±
    of: float = 1.0  # what `value` is counted in: 1 a score, 100 a percentage, 10000 errors of 10,000 images
    ensemble: int | None = None  # models averaged; null: a single one
    labels_per_class: int | None = None  # the figure is for this many; null: for any


@dataclass
class OtherResultConfig:
    """What another publication prints for the same task, before the paper or since."""

    method: str
    source: str  # e.g. arXiv 1705.09783
    year: int
    measure: str
    value: float
    error: float | None = None
    of: float = 1.0  # as in PaperResultConfig
    labels_per_class: int | None = None


@dataclass
class PaperConfig:
    """What the paper says of a run's row, to stand beside ours; decides nothing."""

    table: str  # e.g. Table 3
    dataset: str  # that the paper's figures are of
    row: str | None = None  # as the paper calls it; null: the row has no name of its own
    figures: list[PaperResultConfig] = field(default_factory=list)
    others: list[OtherResultConfig] = field(default_factory=list)


@dataclass
class GameConfig:
    """Keys of `job=game`: V(x, y), minimised by x and maximised by y."""

    name: str = one_of("bilinear", "nonconvex", "dirac")
    update: str = one_of("simultaneous", "alternating", "optimistic", "extragradient")
    steps: int = number(minimum=1, maximum=10_000_000)  # the whole path is kept: 16 bytes a step
    learning_rate: float = number(above=0)
    start: list[float] = MISSING  # x, y


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
    source: str = one_of("scikit_learn", "torchvision", "npz", "image_folder", "points", "stacked_mnist")
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
    name: str = one_of("digits_conv", "mnist_mlp", "cifar10_conv", "svhn_conv", "imagenet_dcgan", "toy_mlp")
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
class ObjectiveConfig:
    name: str = one_of(
        "semi_supervised",
        "supervised_only",
        "non_saturating",
        "minimax",
        "least_squares",
        "hinge",
        "wasserstein",
        "wasserstein_gp",
        "energy_based",
        "relativistic",
        "autoencoder",
        "vae",
    )
    labelled_weight: float = number(minimum=0)
    unlabelled_weight: float = number(minimum=0)
    generator_loss: str | None = one_of("saturating", "non_saturating")
    generated_logit: str | None = one_of("fixed", "learned")  # of the K+1 classes: 0, or an output of its own
    fully_labelled: bool = MISSING  # true: the unlabelled batch carries the labels; false: a labelled pass of its own
    margin: float | None = number_of("energy_based", above=0)  # energy that generated images are pushed up to
    decoder_std: float | None = number_of("vae", above=0)  # of p(x|z), in units of the scaled images


if TYPE_CHECKING:

    class TechniqueConfig:
        """A node for each technique, by the technique's name."""

        def __getattr__(self, name: str) -> Any: ...

        def enabled(self) -> list[str]: ...

else:
    TechniqueConfig = registry.techniques_config()


@dataclass
class OptimizerConfig:
    name: str = one_of("adam", "rmsprop")
    beta1: float = number(minimum=0, maximum=0.9999)
    beta2: float = number(minimum=0, maximum=0.99999)
    epsilon: float = number(above=0)
    epsilon_inside_root: bool = MISSING


@dataclass
class EmaConfig:
    """Exponential average of one player's weights, a <- decay a + (1 - decay) p; null decay: no average is kept."""

    decay: float | None = number(minimum=0, maximum=0.9999999999)
    bias_correction: bool = MISSING  # divide by 1 - decay^t, so that short runs are not pulled to zero


@dataclass
class BalanceConfig:
    """What keeps one player from outrunning the other, beside steps and learning rates."""

    generator_loss_weight: float = number(above=0)
    discriminator_loss_weight: float = number(above=0)
    accuracy_threshold: float | None = number(above=0.5, maximum=1)  # the stronger player waits at this; null: never
    instance_noise_std: float = number(minimum=0)  # deviation, in the units of the images as scaled
    instance_noise_decay: bool = MISSING  # linearly to 0 at the run's end


@dataclass
class TrainingConfig:
    batch_size: int = number(minimum=2)
    epochs: int | None = number(minimum=1)  # training ends at `epochs` or `steps`, whichever comes first
    steps: int | None = number(minimum=1)
    discriminator_steps: int = number(minimum=1)
    generator_steps: int = number(minimum=1)
    learning_rate: float = number(above=0)
    generator_learning_rate: float = number(minimum=0)  # 0: frozen; its gradients and losses are logged all the same
    discriminator_learning_rate: float = number(minimum=0)
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    learning_rate_decay_start: float = number(
        minimum=0, maximum=1
    )  # share of the run after which rates fall linearly to 0
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    discriminator_ema: EmaConfig = field(default_factory=EmaConfig)
    generator_ema: EmaConfig = field(default_factory=EmaConfig)
    precision: str = one_of("auto", "fp32", "tf32", "bf16")  # "auto" is resolved before a run gets its hash
    deterministic: bool = key(default=True, neutral=True)  # as were all runs before this was a key
    threads: int | None = number(minimum=1, maximum=1024, affects_result=False)
    log_interval: int = number(minimum=1, affects_result=False)  # steps
    sample_interval: int = number(minimum=1, affects_result=False)  # steps
    checkpoint_interval: int = number(minimum=1, affects_result=False)  # steps


@dataclass
class MetricsConfig:
    names: list[str] = one_of(*METRICS)
    judged: str = one_of("samples", "training_images", neutral="samples")  # the latter: a run that trains nothing
    epoch_interval: int = number(minimum=1)  # epochs
    step_interval: int | None = number(minimum=1)  # steps; instead of `epoch_interval`, where epochs are long
    classifier_min_accuracy: float = number(minimum=0, maximum=1, affects_result=False)  # under it, one judges nothing
    train_classifier: bool = MISSING  # let a run train the data set's classifier though it takes minutes
    samples: int = number(minimum=2)  # drawn of a run, or taken of the images, from the first on
    reference_samples: int = number(minimum=2)  # real images
    reference_split: str = one_of("train", "test")
    inception_score_splits: int = number(minimum=1)  # of the inception score: contiguous, not shuffled
    kid_subsets: int = number(minimum=1)
    kid_subset_size: int = number(minimum=2)
    precision_recall_k: int = number(minimum=1)  # k of precision and recall
    density_coverage_k: int = number(minimum=1)  # k of density and coverage
    inception_weights: str | None = MISSING  # a file; null: torch-fidelity's download
    inception_precision: str = one_of("fp32", "bf16")
    batch_size: int | None = number(
        minimum=1, affects_result=False
    )  # images at a time through a network that judges; changes no result
    cross_check: bool = MISSING  # FID once more, by pytorch-fid


@dataclass
class TrackingConfig:
    mode: str = one_of("auto", "online", "offline", "disabled")
    project: str = MISSING
    entity: str | None = MISSING
    group: str | None = MISSING


@dataclass
class BudgetConfig:
    """Caps on an experiment's size; null: no cap."""

    name: str = MISSING
    max_steps: int | None = number(minimum=1)
    max_samples: int | None = number(minimum=1)
    max_width: int | None = number(minimum=1)


@dataclass
class SweepConfig:
    skip_invalid: bool = MISSING  # leave wrong jobs of a multirun out instead of refusing it whole
    dry_run: bool = MISSING  # say what would be done, and do nothing


@dataclass
class Config:
    seed: int = number(minimum=0, maximum=2**32 - 1)
    device: str = key(affects_result=False)
    data_root: str = key(affects_result=False)
    output_root: str = key(affects_result=False)
    run: str | None = key(affects_result=False)
    images: str | None = key(affects_result=False)
    job: JobConfig = key(affects_result=False, default_factory=JobConfig)
    budget: BudgetConfig = key(affects_result=False, default_factory=BudgetConfig)
    sample: SampleConfig | None = key(affects_result=False, default=None)
    evaluate: EvaluateConfig | None = key(affects_result=False, default=None)
    report: ReportConfig | None = key(affects_result=False, default=None)
    search: SearchConfig | None = key(affects_result=False, default=None)
    human_study: HumanStudyConfig | None = key(affects_result=False, default=None)
    game: GameConfig | None = None
    paper: PaperConfig | None = key(affects_result=False, default=None)
    phenomenon: str | None = one_of(*PHENOMENA, affects_result=False)  # the picture that ends a multirun
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    technique: TechniqueConfig = field(default_factory=TechniqueConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    tracking: TrackingConfig = key(affects_result=False, default_factory=TrackingConfig)
    sweep: SweepConfig = key(affects_result=False, default_factory=SweepConfig)

    def auto_may_take_bf16(self) -> bool:
        """Whether `training.precision=auto` depends on the device: where learning does not suffer from bf16."""
        learns = self.architecture.learns_in_bf16 and not self.differentiates_twice()
        return self.training.precision == "auto" and learns

    def differentiates_twice(self) -> bool:
        """Whether a player's loss holds a gradient, so that the networks must have second derivatives."""
        techniques = registry.techniques()
        return any(techniques[name].differentiates_twice for name in self.technique.enabled())
