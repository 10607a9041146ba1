"""What must hold of a config beyond the types: ranges, words, and keys that only make sense together.

Each check raises `UsageError` with the sentence that the user reads. Nothing here imports torch or reads images.
"""

import dataclasses
import math
import re
import tempfile
from pathlib import Path
from typing import Any

from improved_gan import registry
from improved_gan.architecture import architectures
from improved_gan.compatibility import check_compatibility
from improved_gan.config import Config, UsageError
from improved_gan.dataset import datasets
from improved_gan.objective import objectives


def check(config: Config) -> None:
    """Raise `UsageError` for the first thing in `config` that cannot be carried out."""
    for key, value, rules in _leaves(config):
        _check_range(key, value, rules)
    for rule in (
        _check_device,
        _check_folders,
        _check_tracking,
        _check_length,
        _check_coupling,
        _check_balance,
        _check_shapes,
        _check_owners,
        _check_dataset,
        _check_objective,
        check_compatibility,
        _check_accumulation,
        _check_metrics,
        _check_job,
        _check_game,
    ):
        rule(config)


def _leaves(node: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    leaves: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(node):
        key, value = f"{prefix}{field.name}", getattr(node, field.name)
        if dataclasses.is_dataclass(value):
            leaves += _leaves(value, f"{key}.")
        else:
            leaves.append((key, value, field.metadata))
    return leaves


def _check_range(key: str, value: Any, rules: Any) -> None:
    if value is None:
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{key}={value}: must be a finite number")
    if value == "":
        raise UsageError(f"{key}=: must not be empty")
    minimum, above, maximum = rules.get("minimum"), rules.get("above"), rules.get("maximum")
    limits = [
        (minimum is None or value >= minimum, f"at least {minimum}"),
        (above is None or value > above, f"greater than {above}"),
        (maximum is None or value <= maximum, f"at most {maximum}"),
    ]
    wanted = [words for (_, words), bound in zip(limits, (minimum, above, maximum), strict=True) if bound is not None]
    if not all(holds for holds, _ in limits):
        raise UsageError(f"{key}={value}: must be {' and '.join(wanted)}")
    choices = dict.fromkeys(rules.get("choices") or ())
    if key in registry.NAMED_BY:
        choices |= dict.fromkeys(registry.records(registry.NAMED_BY[key]))
    for word in value if isinstance(value, list) else [str(value).lower() if isinstance(value, bool) else value]:
        if choices and word not in choices:
            raise UsageError(f"{key}={word}: must be one of {', '.join(choices)}")


def _check_device(config: Config) -> None:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", config.device):
        raise UsageError(f"device={config.device}: must be auto, cpu, cuda or cuda:N")


def _check_folders(config: Config) -> None:
    folder = Path(config.output_root).absolute()
    try:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    except OSError as error:
        raise UsageError(f"output_root={config.output_root}: {error.strerror}") from None
    if not existing.is_dir():
        raise UsageError(f"output_root={config.output_root}: {existing} is a file, and must be a folder")
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise UsageError(f"output_root={config.output_root}: cannot write in {existing} ({error.strerror})") from None
    weights = config.metrics.inception_weights
    if weights is not None and not Path(weights).is_file():
        raise UsageError(f"metrics.inception_weights={weights}: there is no such file")
    wanted = datasets()[config.dataset.source].path
    if wanted is None:
        if config.dataset.path is not None and not _judges_a_run(config):
            raise UsageError(
                f"dataset.path={config.dataset.path}: has no effect with dataset={config.dataset.name}, which is in "
                "data_root; remove it or use dataset=npz or dataset=image_folder"
            )
    elif config.dataset.path is None:
        raise UsageError(f"dataset.path=null: dataset={config.dataset.name} requires the path of {wanted}")
    elif not Path(config.dataset.path).exists():
        raise UsageError(f"dataset.path={config.dataset.path}: does not exist; must be {wanted}")


def _judges_a_run(config: Config) -> bool:
    """Whether the data is a stored run's, of which `dataset.path` says where it lies now."""
    run = {"evaluate": config.images, "sample": config.run}.get(config.job.name)
    return run is not None and (Path(run) / "config.yaml").is_file()


def _check_tracking(config: Config) -> None:
    project = config.tracking.project
    if len(project) > 128 or set(project) & set("/\\#?%:"):
        raise UsageError(f"tracking.project={project}: W&B takes up to 128 characters, and none of / \\ # ? % :")
    group = config.tracking.group
    if group is not None and len(group) > 128:
        raise UsageError(f"tracking.group={group}: W&B takes 128 characters, and these are {len(group)}")


def _check_length(config: Config) -> None:
    if config.training.epochs is None and config.training.steps is None:
        raise UsageError("training.steps=null: set training.steps or training.epochs, or training would never end")


def _check_coupling(config: Config) -> None:
    size, batch, packing = config.training.coupling_size, config.training.batch_size, config.technique.packing
    if size is None:
        return
    if batch % size:
        raise UsageError(f"training.coupling_size={size}: must divide training.batch_size={batch}")
    if packing.enabled and (size % packing.pack_size or size < 2 * packing.pack_size):
        raise UsageError(
            f"training.coupling_size={size}: must be a multiple of technique.packing.pack_size={packing.pack_size} and "
            "at least twice as many"
        )


def _check_accumulation(config: Config) -> None:
    training, on = config.training, [*config.technique.enabled()]
    if training.accumulate == 1:
        return
    given, size = f"training.accumulate={training.accumulate}", training.batch_size // training.accumulate
    pack = config.technique.packing.pack_size if config.technique.packing.enabled else 1
    if training.batch_size % (training.accumulate * pack):
        raise UsageError(f"{given}: must divide training.batch_size={training.batch_size} into equal parts")
    techniques = {name: registry.techniques()[name] for name in on}
    for name, technique in techniques.items():
        if technique.wants_whole_steps:
            raise UsageError(f"{given}: not supported with technique.{name}; set it to 1")
    if training.balance.accuracy_threshold is not None:
        raise UsageError(
            f"{given}: not supported with training.balance.accuracy_threshold, which asks how the discriminator does "
            "on a whole batch; set one of them to its default"
        )
    coupling = [f"technique.{name}" for name, technique in techniques.items() if technique.couples_batch]
    if config.architecture.batch_norm and not any(one.generator_normalisation for one in techniques.values()):
        coupling.append("the generator's batch norm")
    if architectures()[config.architecture.name].couples_images:
        coupling.append("the discriminator's batch norm")
    if config.objective.name in ("autoencoder", "energy_based"):
        coupling.append(f"objective={config.objective.name}")
    if coupling and (training.coupling_size is None or size % training.coupling_size):
        raise UsageError(
            f"{given}: {coupling[0]} couples the images of a batch, which go through the networks {size} at a time; "
            f"set it to 1, or let them couple within a part (training.coupling_size={size})"
        )


def _check_balance(config: Config) -> None:
    training = config.training
    if training.discriminator_learning_rate == 0 and (
        training.generator_learning_rate == 0 or not objectives()[config.objective.name].kind.trains_generator
    ):
        raise UsageError("training.discriminator_learning_rate=0.0: trains neither player; set it above 0")
    bound = training.balance.accuracy_threshold
    if bound is not None and not objectives()[config.objective.name].kind.trains_generator:
        raise UsageError(
            f"training.balance.accuracy_threshold={bound}: has no effect with objective={config.objective.name}, "
            "which trains no generator; set it to null"
        )


def _check_dataset(config: Config) -> None:
    """Its source draws what the config says is drawn, and what it has to say itself."""
    dataset, record = config.dataset, datasets()[config.dataset.source]
    if (dataset.synthetic is not None) != record.synthetic or (dataset.points is not None and not dataset.holds_points):
        raise UsageError(
            f"dataset.source={dataset.source}: is not that of dataset={dataset.name}; choose a data set by its name"
        )
    if record.check is not None:
        record.check(dataset, config)


def _check_shapes(config: Config) -> None:
    has, wants = config.dataset.image_shape, config.architecture.image_shape
    for key, shape in (("dataset", has), ("architecture", wants)):
        if shape is not None and (len(shape) != 3 or min(shape) < 1):
            raise UsageError(f"{key}.image_shape={shape}: must be three whole numbers, [channels, height, width]")


def describe_shape(shape: list[int] | tuple[int, ...]) -> str:
    """`[1, 28, 28]` as "28x28 with 1 channel", `[2, 1, 1]` as "points of 2 coordinates"."""
    channels, height, width = shape
    if height == width == 1:
        return f"points of {channels} coordinate{'s' if channels > 1 else ''}"
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"


def _check_objective(config: Config) -> None:
    dataset, objective = config.dataset, config.objective
    if dataset.evaluate_on == "validation" and dataset.validation_images == 0:
        raise UsageError(
            "dataset.evaluate_on=validation: requires held-out images; set dataset.validation_images to at least 1"
        )
    own_check = objectives()[objective.name].check
    if own_check is not None:
        own_check(objective, config)
    if objective.fully_labelled and dataset.labels_per_class is not None:
        raise UsageError(
            f"dataset.labels_per_class={dataset.labels_per_class}: objective.fully_labelled=true uses every label, "
            "so it must be null"
        )


def _check_owners(config: Config) -> None:
    """A key of one choice's own has a value with that choice, and with no other."""
    chosen = {"objective": config.objective.name, "architecture": config.architecture.name}
    for group, name in (chosen | {"dataset": config.dataset.source}).items():
        node = getattr(config, group)
        for field in dataclasses.fields(node):
            owner, value = field.metadata.get("owner"), getattr(node, field.name)
            if owner == name and value is None:
                kind = "number" if "minimum" in field.metadata else "value"
                raise UsageError(f"{group}.{field.name}=null: {group}={owner} requires a {kind}")
            if owner not in (None, name) and value is not None:
                without = f"has no effect without {group}={owner}"
                raise UsageError(f"{group}.{field.name}={value}: {without}; remove it")


def _check_metrics(config: Config) -> None:
    metrics = config.metrics
    if metrics.cross_check and "frechet_inception_distance" not in metrics.names:
        raise UsageError("metrics.cross_check=true: requires frechet_inception_distance in metrics.names")
    for name in ("inception_score", "classifier_score"):
        if name in metrics.names and metrics.inception_score_splits > metrics.samples:
            raise UsageError(
                f"metrics.inception_score_splits={metrics.inception_score_splits}: must be at most "
                f"metrics.samples={metrics.samples}, for {name}"
            )


def _check_job(config: Config) -> None:
    if config.job.name == "train":
        return
    if config.job.name == "report" and config.run is not None and not Path(config.run).is_dir():
        raise UsageError(f"run={config.run}: must be a folder of runs; there is no such folder")
    if config.job.name == "evaluate":
        if config.images is None:
            raise UsageError(
                "images=null: job=evaluate requires images=PATH, a run's folder, a folder of images or an .npz"
            )
        if not Path(config.images).exists():
            raise UsageError(f"images={config.images}: does not exist; must be a run, a folder or an .npz")
        split = config.evaluate.split if config.evaluate else None
        if split is not None and (Path(config.images).is_dir() or config.dataset.holds_points):
            raise UsageError(f"evaluate.split={split}: requires an .npz with x_train or x_test; remove it")
        if not config.metrics.names:
            raise UsageError("metrics.names=[]: must name at least one metric; set it or use metrics=paper")
    if config.job.name == "sample":
        if config.run is None:
            raise UsageError("run=null: job=sample requires run=PATH, the folder of a trained run")
        if not (Path(config.run) / "config.yaml").is_file():
            raise UsageError(f"run={config.run}: must be the folder of a run (no config.yaml in it)")
        if not any((Path(config.run) / "checkpoints").glob("*.pt")):
            raise UsageError(f"run={config.run}: has no checkpoint yet; train it first")


def _check_game(config: Config) -> None:
    if config.game is None:
        return
    start = config.game.start
    if len(start) != 2 or not all(math.isfinite(coordinate) for coordinate in start):
        raise UsageError(f"game.start={start}: must be two numbers, x and y")
    for name in config.technique.enabled():
        if name != "historical_averaging":
            raise UsageError(
                f"technique.{name}.enabled=true: has no effect with job=game, whose players are numbers; "
                "job=game supports historical_averaging only"
            )
