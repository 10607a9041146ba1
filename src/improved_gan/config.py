"""The schema of a run: every key with its type and range, and the checks that span several keys.

The values live in `conf/*.yaml`; nothing here has a default. A request that cannot be carried out raises
`UsageError`, whose message is the one line that the user reads. Nothing in this file imports torch.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import MISSING

from improved_gan import objective, registry
from improved_gan.metrics.registry import METRICS
from improved_gan.nodes import ArchitectureConfig, DatasetConfig, TrackingConfig
from improved_gan.schema import NO_VALUE, UsageError, files_of, key, number, one_of

__all__ = ["NO_VALUE", "Config", "UsageError", "key", "number", "one_of"]


@dataclass
class JobConfig:
    name: str = one_of(*files_of("job"))


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
    average_from: float | None = number(minimum=0, maximum=1, default=None)  # share of the run; null: its end counts
    seconds: float | None = number(above=0, default=None)  # what a run may cost; null: as long as the config says
    step_milliseconds: Any = key(default=None)  # {"overrides of a setting": cost of a step}
    space: Any = MISSING  # {key: [low, high, log], [low, high, linear], or choices}


@dataclass
class PaperResultConfig:
    """One result that the paper prints for a row."""

    metric: str  # its name here, e.g. test_error
    value: float
    error: float | None = None  # what the paper prints after the ±
    scale: float = 1.0  # what `value` is counted in: 1 a score, 100 a percentage, 10000 errors of 10,000 images
    ensemble: int | None = None  # models averaged; null: a single one
    labels_per_class: int | None = None  # the result is for this many; null: for any


@dataclass
class OtherResultConfig:
    """What another publication prints for the same task, before the paper or since."""

    method: str
    source: str  # e.g. arXiv 1705.09783
    year: int
    metric: str
    value: float
    error: float | None = None
    scale: float = 1.0  # as in PaperResultConfig
    labels_per_class: int | None = None


@dataclass
class PaperConfig:
    """What the paper prints for a run's row, for comparison; does not affect results."""

    table: str  # e.g. Table 3
    dataset: str  # that the paper's results are of
    row: str | None = None  # as the paper calls it; null: the row has no name of its own
    results: list[PaperResultConfig] = field(default_factory=list)
    others: list[OtherResultConfig] = field(default_factory=list)


@dataclass
class GameConfig:
    """Keys of `job=game`: V(x, y), minimised by x and maximised by y."""

    name: str = one_of("bilinear", "nonconvex", "dirac")
    update: str = one_of("simultaneous", "alternating", "optimistic", "extragradient")
    steps: int = number(minimum=1, maximum=10_000_000)  # the whole path is kept: 16 bytes a step
    learning_rate: float = number(above=0)
    start: list[float] = MISSING  # x, y


class TechniqueConfig:
    """A node for each technique, by the technique's name: ours and plugins', filled in by the registry."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def enabled(self) -> list[str]:
        """The names of those that are on."""
        return [name for name in registry.techniques() if getattr(self, name).enabled]


if TYPE_CHECKING:

    class ObjectiveConfig(objective.Config):
        """The keys of every objective; those of one's own are null with the others."""

        def __getattr__(self, name: str) -> Any: ...

else:
    ObjectiveConfig = objective.objectives_config()

registry.fill(TechniqueConfig)
registry.let_join("objective", ObjectiveConfig)
registry.let_join("architecture", ArchitectureConfig)
registry.let_join("dataset", DatasetConfig)


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
    coupling_size: int | None = number(minimum=2, neutral=None)  # images that see each other; null: the whole batch
    accumulate: int = number(minimum=1, affects_result=False)  # parts that a batch goes through the networks in
    epochs: int | None = number(minimum=1)  # training ends at `epochs` or `steps`, whichever comes first
    steps: int | None = number(minimum=1)
    discriminator_steps: int = number(minimum=1)
    generator_steps: int = number(minimum=1)
    updates: str = one_of("alternating", "simultaneous", neutral="alternating")  # the latter: at the same weights
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
    cuda_graph: Any = one_of("auto", "true", "false", affects_result=False, default="auto")  # the step as one launch
    threads: int | None = number(minimum=1, maximum=1024, affects_result=False)
    log_interval: int = number(minimum=1, affects_result=False)  # steps
    sample_interval: int = number(minimum=1, affects_result=False)  # steps
    checkpoint_interval: int = number(minimum=1, affects_result=False)  # steps

    def seen_together(self) -> int:
        """How many images a network sees at a time outside training: as many as couple within it."""
        return self.coupling_size or self.batch_size


@dataclass
class MetricsConfig:
    names: list[str] = one_of(*METRICS)
    during: list[str] = one_of(*METRICS, neutral=[])  # logged while training too, beside those of modes
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
class BudgetConfig:
    """Caps on an experiment's size; null: no cap."""

    name: str = MISSING
    max_steps: int | None = number(minimum=1)
    max_samples: int | None = number(minimum=1)
    max_width: int | None = number(minimum=1)
    max_trials: int | None = number(minimum=1)
    max_seeds: int | None = number(minimum=1)  # of a search, and of its confirmation
    max_seconds: float | None = number(above=0)  # of each run of a search whose runs have a cost


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
    plugin: Any = key(affects_result=False)  # null, a name or a list; the hash holds what those in use hold
    job: JobConfig = key(affects_result=False, default_factory=JobConfig)
    budget: BudgetConfig = key(affects_result=False, default_factory=BudgetConfig)
    sample: SampleConfig | None = key(affects_result=False, default=None)
    evaluate: EvaluateConfig | None = key(affects_result=False, default=None)
    report: ReportConfig | None = key(affects_result=False, default=None)
    search: SearchConfig | None = key(affects_result=False, default=None)
    human_study: HumanStudyConfig | None = key(affects_result=False, default=None)
    game: GameConfig | None = None
    paper: PaperConfig | None = key(affects_result=False, default=None)
    phenomenon: str | None = one_of(*files_of("phenomenon"), affects_result=False)  # the picture that ends a multirun
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
