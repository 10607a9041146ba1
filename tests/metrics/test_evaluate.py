"""`job=evaluate` from the command line: the tools' own numbers, one folder, and a line for whatever cannot be done."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_inception import write_folder

from improved_gan import cli
from improved_gan.metrics import inception_weights as weights_module

COUNT = 12
INCEPTION = "[inception_score,frechet_inception_distance,kernel_inception_distance,precision,recall,density,coverage]"


@pytest.fixture
def images(cifar10: np.ndarray, tmp_path: Path) -> Path:
    """An .npz of images that are not the reference, and a folder of the same."""
    np.savez(tmp_path / "samples.npz", images=cifar10[20 : 20 + COUNT].transpose(0, 2, 3, 1))
    write_folder(tmp_path / "samples", cifar10[20 : 20 + COUNT])
    return tmp_path / "samples.npz"


@pytest.fixture
def evaluate(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs the job; returns exit status, standard output, standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("IMPROVED_GAN_DATA", str(small_data(tmp_path, real_data)))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.run(["job=evaluate", "dataset=cifar10", f"output_root={tmp_path / 'outputs'}", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def small_data(tmp_path: Path, real_data: Path) -> Path:
    """A data root with 40 real images of CIFAR-10 a split, so that preparing takes no time."""
    with np.load(real_data / "cifar10.npz") as stored:
        arrays = {name: stored[name][:40] for name in stored.files}
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "cifar10.npz", **arrays)
    return tmp_path / "data"


def settings(weights: Path) -> list[str]:
    return [
        f"metrics.inception_weights={weights}",
        "metrics.inception_score_splits=2",
        "metrics.kid_subset_size=10",
        "metrics.kid_subsets=5",
        f"metrics.reference_samples={COUNT}",
    ]


@pytest.mark.integration
def test_scores_are_torch_fidelitys(evaluate: Any, images: Path, random_weights: Path, tmp_path: Path) -> None:
    from torch_fidelity import calculate_metrics

    status, out, _ = evaluate(f"images={images}", f"metrics.names={INCEPTION}", *settings(random_weights))
    assert status == 0
    folder = Path(out.splitlines()[-1])
    assert folder == tmp_path / "outputs" / "evaluate" / "samples"
    summary = json.loads((folder / "summary.json").read_text())
    ours = {name: metric["value"] for name, metric in summary["metrics"].items()}

    with np.load(tmp_path / "data" / "cifar10.npz") as stored:
        reference = write_folder(tmp_path / "reference", stored["x_train"][:COUNT].transpose(0, 3, 1, 2))
    # Loose images are taken in an order shuffled by evaluate.seed; torch-fidelity takes files in order of their names.
    files = sorted((tmp_path / "samples").iterdir())
    (tmp_path / "in_our_order").mkdir()
    for place, number in enumerate(np.random.default_rng(1).permutation(COUNT)):
        shutil.copy(files[number], tmp_path / "in_our_order" / f"{place:04d}.png")
    expected = calculate_metrics(
        input1=str(tmp_path / "in_our_order"),
        input2=str(reference),
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(random_weights),
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=2,
        samples_shuffle=False,
        kid_subset_size=10,
        kid_subsets=5,
        cuda=False,
        save_cpu_ram=True,
        cache=False,
        verbose=False,
    )
    assert 1.2 < ours["inception_score"] < COUNT
    assert ours["inception_score"] == pytest.approx(expected["inception_score_mean"], rel=1e-4)
    assert summary["metrics"]["inception_score"]["std"] == pytest.approx(expected["inception_score_std"], rel=1e-2)
    assert ours["frechet_inception_distance"] == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    assert ours["kernel_inception_distance"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)
    for name in ("precision", "recall"):
        assert ours[name] == pytest.approx(expected[name], abs=1e-6)

    fid = summary["metrics"]["frechet_inception_distance"]
    assert fid["samples"] == fid["reference_samples"] == COUNT and fid["split"] == "train"
    assert "unreliable" in fid["warning"] and f"* frechet_inception_distance {fid['warning']}" in out
    rows = list(csv.DictReader((folder / "table.csv").open()))
    assert [row["metric"] for row in rows] == list(ours) and "unreliable" in rows[1]["warning"]
    assert [float(row["value"]) for row in rows] == list(ours.values())

    # A folder of the same images scores the same; the reference's features come from the cache now.
    status, out, _ = evaluate(
        f"images={tmp_path / 'samples'}",
        f"metrics.names={INCEPTION}",
        *settings(random_weights),
        "metrics.batch_size=5",
    )
    again = json.loads((Path(out.splitlines()[-1]) / "summary.json").read_text())["metrics"]
    assert {name: metric["value"] for name, metric in again.items()} == pytest.approx(ours, rel=1e-5)


@pytest.mark.slow
def test_the_cross_check_is_pytorch_fids_command(
    evaluate: Any, images: Path, random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid.fid_score import calculate_fid_given_paths

    status, out, _ = evaluate(
        f"images={images}",
        "metrics.names=[frechet_inception_distance]",
        "metrics.cross_check=true",
        *settings(random_weights),
    )
    assert status == 0
    metrics = json.loads((Path(out.splitlines()[-1]) / "summary.json").read_text())["metrics"]
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "pt_inception-2015-12-05-6726825d.pth").symlink_to(random_weights)
    with np.load(tmp_path / "data" / "cifar10.npz") as stored:
        reference = write_folder(tmp_path / "reference", stored["x_train"][:COUNT].transpose(0, 3, 1, 2))
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    try:
        expected = calculate_fid_given_paths([str(tmp_path / "samples"), str(reference)], 4, "cpu", 2048, 0)
    finally:
        torch.hub.set_dir(before)
    assert metrics["frechet_inception_distance_pytorch_fid"]["value"] == pytest.approx(expected, rel=1e-4)
    assert metrics["frechet_inception_distance"]["value"] == pytest.approx(expected, rel=0.1)


def test_without_weights_the_run_goes_on(
    evaluate: Any, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "URL", "file:///nowhere/weights.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    status, out, err = evaluate(f"images={images}", "metrics.names=[precision,recall]")
    assert status == 0
    assert [line for line in err.splitlines() if "no Inception weights" in line]
    assert "precision, recall not measured: no Inception weights" in out
    summary = json.loads((Path(out.splitlines()[-1]) / "summary.json").read_text())
    assert summary["metrics"] == {} and set(summary["not_measured"]) == {"precision", "recall"}


def test_wrong_requests_end_in_one_line(evaluate: Any, images: Path, random_weights: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(random_weights.read_bytes()[:5000])
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "nan.npz", images=np.full((3, 8, 8, 3), np.nan))
    np.savez(tmp_path / "gray.npz", images=np.zeros((12, 28, 28, 1), np.uint8))
    np.savez(tmp_path / "two_channels.npz", images=np.zeros((12, 32, 32, 2), np.uint8))
    np.savez(tmp_path / "beyond.npz", images=np.full((12, 32, 32, 3), 256, np.int16))
    torch.save({"fc.weight": torch.zeros(10, 10)}, tmp_path / "another.pth")
    (tmp_path / "samples" / "0003.png").write_bytes(b"no png")
    inception = "metrics.names=[inception_score]"
    fid = "metrics.names=[frechet_inception_distance]"
    weights = f"metrics.inception_weights={random_weights}"
    wrong = [
        ([], "images=null"),
        ([f"images={tmp_path / 'nothing'}"], "does not exist"),
        ([f"images={tmp_path / 'empty'}"], "there are no images in it"),
        ([f"images={tmp_path / 'nan.npz'}"], "must be uint8, 0..255; it is float64"),
        ([f"images={tmp_path / 'two_channels.npz'}"], "1 or 3 channels"),
        ([f"images={tmp_path / 'beyond.npz'}"], "must be uint8, 0..255; it is int16 of 256 to 256"),
        ([f"images={tmp_path / 'samples'}"], "1 unreadable image (0003.png)"),
        ([f"images={images}", inception, f"metrics.inception_weights={truncated}"], "truncated"),
        ([f"images={images}", inception, f"metrics.inception_weights={tmp_path / 'another.pth'}"], "is missing"),
        ([f"images={images}", inception, "metrics.cross_check=true"], "requires frechet_inception_distance"),
        (
            [f"images={images}", inception, "metrics.samples=5"],
            "metrics.inception_score_splits=10: must be at most metrics.samples=5",
        ),
        (
            [f"images={images}", inception, weights, "metrics.inception_score_splits=50"],
            "metrics.inception_score_splits=50: must be at most 12",
        ),
        ([f"images={tmp_path / 'gray.npz'}", fid, weights], "28x28 with 1 channel"),
        ([f"images={images}", "metrics.names=[fid]"], "metrics.names=fid: must be one of"),
        ([f"images={images}", "metrics.names=[]"], "must name at least one metric"),
    ]
    for arguments, words in wrong:
        status, out, err = evaluate(*arguments)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert status == 2 and out == "" and len(lines) == 1 and words in lines[0], (arguments, err)
    assert not (tmp_path / "outputs").exists() and not list(tmp_path.rglob("features-*.npz"))


@pytest.mark.integration
def test_a_run_scores_the_same_every_time(evaluate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["budget=smoke", "tracking.mode=disabled", f"output_root={tmp_path / 'outputs'}"]
    assert cli.run(overrides) == 0
    run = Path(capsys.readouterr().out.splitlines()[-1])
    found = []
    for seed in (1, 1, 2):
        status, out, _ = evaluate(
            f"images={run}",
            "metrics.names=[test_error,sliced_wasserstein,real_vs_fake_ratio]",
            "metrics.samples=130",
            f"evaluate.seed={seed}",
            f"evaluate.name=seed_{seed}",
        )
        assert status == 0 and Path(out.splitlines()[-1]) == run / "evaluation" / f"seed_{seed}"
        found.append(json.loads((run / "evaluation" / f"seed_{seed}" / "summary.json").read_text()))
    assert found[0]["metrics"] == found[1]["metrics"] and set(found[0]["metrics"]) == {
        "test_error",
        "sliced_wasserstein",
        "real_vs_fake_ratio",
    }
    assert found[0]["metrics"]["sliced_wasserstein"] != found[2]["metrics"]["sliced_wasserstein"]
    assert found[0]["metrics"]["test_error"] == found[2]["metrics"]["test_error"]
    assert found[0]["origin"]["batch_size"] == 100 and found[0]["origin"]["samples"] == 130
    sliced = found[2]["metrics"]["sliced_wasserstein"]
    assert sliced["sampling_seed"] == 2 and sliced["sampling_batch_size"] == 100
    assert found[0]["metrics"]["real_vs_fake_ratio"]["judging_batch_size"] == 100
    assert found[0]["metrics"]["test_error"]["reference"] == "digits"  # the run's data, not the command line's
