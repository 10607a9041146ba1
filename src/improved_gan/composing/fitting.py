"""Which architecture fits a data set of one's own: the one that makes images of its shape."""

import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from improved_gan.checks import describe_shape
from improved_gan.composing.keys import conf_folder, groups
from improved_gan.config import Config, UsageError
from improved_gan.plugins import conf_folders
from improved_gan.registry import until_it_grows

BY_SHAPE = "by_shape"  # the architecture of a data set whose files say its shape

WITHOUT_NETWORKS = ("evaluate", "human_study", "prepare")


def fitting_architecture(composed: DictConfig) -> str | None:
    """The architecture that makes images of the composed data set's shape; none where the shape is not known yet.

    Raises `UsageError`, which names the shapes that there are, where no architecture makes this one.
    """
    dataset = composed.dataset
    shape = _shape_of(dataset)
    if shape is None:
        return None
    fitting = architectures_by_shape().get(tuple(shape))
    if fitting is None and composed.job.name in WITHOUT_NETWORKS:
        return None
    if fitting is None:
        key = f"dataset.path={dataset.path}" if dataset.image_shape is None else f"dataset.image_shape={list(shape)}"
        words = [f"{describe_shape(s)} ({', '.join(names)})" for s, names in architectures_by_shape().items()]
        raise UsageError(
            f"{key.replace(' ', '')}: no architecture makes images of {describe_shape(list(shape))}; bring them to "
            f"{', '.join(words[:-1])} or {words[-1]}"
        )
    return fitting[0]


def _shape_of(dataset: Any) -> Sequence[int] | None:
    if dataset.image_shape is None and dataset.source == "npz" and dataset.path is not None:
        return npz_image_shape(Path(dataset.path))
    shape: Sequence[int] | None = dataset.image_shape
    return shape


def check_shapes(config: Config, choices: Mapping[Any, Any], overrides: Sequence[str]) -> None:
    """Raise `UsageError`, about what `overrides` ask for, where architecture and data set differ in shape."""
    dataset, wants, has = config.dataset, config.architecture.image_shape, _shape_of(config.dataset)
    if config.job.name in WITHOUT_NETWORKS or has is None:
        return
    architecture, takes_points = choices["architecture"], config.architecture.name == "toy_mlp"
    if takes_points == dataset.holds_points and list(has) == list(wants):
        return
    held = "points" if dataset.holds_points and not takes_points else describe_shape(list(has))
    made = "points" if takes_points and not dataset.holds_points else describe_shape(wants)
    fitting = ["toy_mlp"] if dataset.holds_points else architectures_by_shape().get(tuple(has), [])
    advice = f"choose architecture={' or '.join(fitting)}" if fitting else "no architecture makes such images"
    key = f"dataset={choices['dataset']}"
    typed = {text.partition("=")[0]: text for text in overrides}
    if "architecture" in typed:
        raise UsageError(f"architecture={architecture}: makes {made}, but {key} holds {held}; {advice}")
    asked = next((typed[k] for k in ("architecture.image_shape", "dataset.image_shape", "dataset") if k in typed), key)
    whose = next((f"{k}={choices[k]}" for k in ("experiment", "ablation") if choices.get(k)), key)
    raise UsageError(f"{asked}: images of {held} do not fit the architecture of {whose}, which makes {made}; {advice}")


@until_it_grows
@cache
def architectures_by_shape() -> dict[tuple[int, ...], list[str]]:
    """The architectures that make images of each shape; first the one that a published set of that shape takes."""
    taken = [_default_architecture(name) for name in groups()["dataset"]]
    found: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(groups()["architecture"], key=lambda name: name not in taken):
        shape = _read("architecture", name).get("image_shape")
        if isinstance(shape, list):  # and no interpolation
            found.setdefault(tuple(shape), []).append(name)
    return dict(sorted(found.items(), key=lambda item: item[0][1]))


def _default_architecture(dataset: str) -> str | None:
    defaults = _read("dataset", dataset).get("defaults", [])
    return next((d["override /architecture"] for d in defaults if "override /architecture" in d), None)


def _read(group: str, name: str) -> dict[str, Any]:
    files = [folder / group / f"{name}.yaml" for folder in (conf_folder(), *conf_folders())]
    file = next((file for file in files if file.is_file()), None)
    if file is None:  # a plugin's, without YAML
        return {}
    node = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    assert isinstance(node, dict)
    return {str(key): value for key, value in node.items()}


def npz_image_shape(path: Path) -> tuple[int, int, int] | None:
    """Channels, height and width of an `.npz`'s images, from its headers alone; none where it holds no images."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(f"{n}.npy" for n in ("x_train", "images") if f"{n}.npy" in archive.namelist())
            with archive.open(name) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape = read(file)[0]
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile):
        return None
    if len(shape) == 3:
        return 1, shape[1], shape[2]
    if len(shape) != 4:
        return None
    _, a, b, c = shape
    return (a, b, c) if a in (1, 3) and c not in (1, 3) else (c, a, b)
