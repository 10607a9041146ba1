"""Stored configs, summaries and logs of older versions, brought to today's.

Configs have one function per version, each from its own to the next.
"""

import copy
from collections.abc import Callable
from typing import Any

from improved_gan.composing.identity import SCHEMA_VERSION

VERSION = "schema_version"  # the first key of a stored config; version 1 had none

RENAMED = {  # keys of version 2, and what they are called since; the command line names the new one
    "metrics.measures": "metrics.names",
    "metrics.interval": "metrics.epoch_interval",
    "metrics.splits": "metrics.inception_score_splits",
    "metrics.neighbours": "metrics.precision_recall_k",
    "metrics.density_neighbours": "metrics.density_coverage_k",
    "report.measure": "report.metric",
    "search.measure": "search.metric",
    "training.decay_from": "training.learning_rate_decay_start",
    "training.balance.discriminator_noise": "training.balance.instance_noise_std",
    "training.balance.discriminator_noise_decay": "training.balance.instance_noise_decay",
    "training.balance.adaptive_accuracy": "training.balance.accuracy_threshold",
    "training.discriminator_average.corrected": "training.discriminator_ema.bias_correction",
    "training.generator_average.corrected": "training.generator_ema.bias_correction",
    "training.discriminator_average.rate": "training.discriminator_ema.decay",  # as 1 - rate
    "training.generator_average.rate": "training.generator_ema.decay",
    "objective.pixel_deviation": "objective.decoder_std",
    "objective.labels_on_reals": "objective.fully_labelled",
    "objective.clip": "technique.weight_clipping.limit",
    "objective.gradient_penalty": "technique.gradient_penalty.weight",
    "objective.pulling_away": "technique.pulling_away.weight",
    "technique.packing.samples": "technique.packing.pack_size",
    "dataset.points.deviation": "dataset.points.std",
    "dataset.points.deviations": "dataset.points.stds",
    "dataset.drawn": "dataset.synthetic",
    **{f"dataset.drawn.{key}": f"dataset.synthetic.{key}" for key in ("train", "test", "seed")},
}


RENAMED_VALUES = {  # metrics and log keys of summary.json and metrics.jsonl
    "modes": "modes_captured",
    "real_called_real": "real_classified_real",
    "fake_called_real": "fake_classified_real",
    "held_out_called_real": "held_out_classified_real",
    "log_realness_train": "log_d_train",
    "log_realness_held_out": "log_d_held_out",
}
RENAMED_LABELS = {"starved": "vanishing_gradient"}  # of a diagnosis


def from_version_1(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 hashed all keys, and stored `training.precision=auto`, then fp32 unless bf16 suits."""
    training, architecture = stored.get("training"), stored.get("architecture")
    if not isinstance(training, dict) or not isinstance(architecture, dict):
        return stored
    if training.get("precision") == "auto" and not architecture.get("learns_in_bf16"):
        return stored | {"training": training | {"precision": "fp32"}}
    return stored


def from_version_2(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had other names for some keys, and three techniques as keys of the objective, null where off."""
    values = copy.deepcopy(stored)
    for old, new in RENAMED.items():
        _move(values, old, new)
    dataset, training = values.get("dataset"), values.get("training")
    if isinstance(dataset, dict) and dataset.get("source") == "stacked_digits":
        dataset["source"] = "stacked_mnist"
    _rename_metrics(values.get("metrics"))
    _rename_paper(values.get("paper"))
    for emptied in ("discriminator_average", "generator_average"):
        if isinstance(training, dict):
            training.pop(emptied, None)
    return values


def _rename_metrics(metrics: Any) -> None:
    if isinstance(metrics, dict) and isinstance(metrics.get("names"), list):
        metrics["names"] = [RENAMED_VALUES.get(name, name) for name in metrics["names"]]


def _rename_paper(paper: Any) -> None:
    """What the paper prints was `figures`, each of a `measure` times `of`."""
    if not isinstance(paper, dict):
        return
    if "figures" in paper:
        paper["results"] = paper.pop("figures")
    for name in ("results", "others"):
        for entry in paper.get(name) or []:
            for old, new in (("measure", "metric"), ("of", "scale")):
                if isinstance(entry, dict) and old in entry:
                    entry[new] = entry.pop(old)


def _move(values: dict[str, Any], old: str, new: str) -> None:
    """Take the key `old`, where it is there, to `new`."""
    *parents, name = old.split(".")
    node: Any = values
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    if not isinstance(node, dict) or name not in node:
        return
    value = node.pop(name)
    if name == "rate" and value is not None:
        value = round(1 - value, 12)
    becomes_technique = old.startswith("objective.") and new.startswith("technique.")
    if becomes_technique and value is None:
        return
    *parents, name = new.split(".")
    node = values
    for parent in parents:
        node = node.setdefault(parent, {})
    if becomes_technique:
        node["enabled"] = True
    node[name] = value


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: from_version_1, 2: from_version_2}


def migrated(stored: dict[str, Any]) -> dict[str, Any]:
    """The values of a stored config as today's version writes them; raises ValueError for a later version's."""
    values = dict(stored)
    version = values.pop(VERSION, 1)
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise ValueError(f"{VERSION} {version} is not known here; a newer improved-gan wrote it")
    while version < SCHEMA_VERSION:
        values, version = MIGRATIONS[version](values), version + 1
    return values


def migrated_summary(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a stored summary.json in today's names; it once had a `verdict` of word, sentence and evidence."""
    summary = dict(stored)
    metrics, verdict = summary.get("metrics"), summary.pop("verdict", None)
    if isinstance(metrics, dict):
        metrics = {k: migrated_values(v) if isinstance(v, dict) else v for k, v in metrics.items()}
        summary["metrics"] = migrated_values(metrics)
    if isinstance(verdict, dict):
        label = verdict.get("word")
        summary["diagnosis"] = {
            "label": RENAMED_LABELS.get(str(label), label),
            "message": verdict.get("sentence"),
            "statistics": verdict.get("evidence"),
        }
    return summary


def migrated_values(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a line of metrics.jsonl, or a summary's metrics, in today's names."""
    return {RENAMED_VALUES.get(name, name): value for name, value in stored.items()}
