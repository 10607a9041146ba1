"""Ensembles stay within one labelled subset."""

import numpy as np
import torch
from made_runs import Maker, error_of, save_logits

from improved_gan.metrics.test_error import ensemble_errors
from improved_gan.report.discovery import read_runs
from improved_gan.report.ensembles import ensembles, errors_together


def test_the_same_formula_as_the_measure() -> None:
    source = np.random.default_rng(0)
    logits, labels = source.normal(size=(4, 200, 10)).astype(np.float32), source.integers(0, 10, 200)
    expected = ensemble_errors(torch.from_numpy(logits), torch.from_numpy(labels))
    assert errors_together(list(logits), labels) == expected


def test_runs_of_one_subset_together_and_subsets_apart(maker: Maker) -> None:
    for subset in (1, 2):
        for seed in (1, 2, 3):
            folder = maker.run(f"s{subset}-{seed}", f"dataset.label_seed={subset}", seed=seed, metrics=error_of(0.2))
            save_logits(folder, 10 * subset + seed, 0.2)
    problems: list[str] = []
    found = ensembles(read_runs(maker.root).runs, problems)
    assert [(each.label_seed, each.models, each.samples) for each in found] == [(1, 3, 360), (2, 3, 360)]
    assert all(each.value < 0.2 for each in found) and not problems


def test_one_run_a_subset_makes_no_ensemble(maker: Maker) -> None:
    for seed in (1, 2):
        save_logits(maker.run(f"a-{seed}", f"dataset.label_seed={seed}", seed=seed), seed, 0.2)
    assert ensembles(read_runs(maker.root).runs, []) == []


def test_unfinished_runs_and_damaged_files_are_not_in_it(maker: Maker) -> None:
    for seed in (1, 2, 3):
        save_logits(maker.run(f"a-{seed}", seed=seed, status="finished" if seed < 3 else "running"), seed, 0.2)
    damaged = maker.run("a-4", seed=4)
    (damaged / "test_logits.npz").write_bytes(b"PK\x03\x04 half of a file")
    problems: list[str] = []
    (found,) = ensembles(read_runs(maker.root).runs, problems)
    assert found.models == 2 and problems[0].startswith("a-4: test_logits.npz cannot be read")


def test_other_test_images_are_refused(maker: Maker) -> None:
    for seed in (1, 2):
        save_logits(maker.run(f"a-{seed}", seed=seed), seed, 0.2, labels_from=seed)
    problems: list[str] = []
    assert ensembles(read_runs(maker.root).runs, problems) == [] and "different test images" in problems[0]
