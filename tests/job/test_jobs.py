"""The main job on real images, end to end through the command line, and what other jobs make of its run."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from offline_log import offline_logs, read_offline_log
from PIL import Image

import improved_gan

SETTINGS = ("technique=our_methods", "technique.minibatch_discrimination.kernels=10", "training.steps=60")
SETTINGS += ("architecture.width=16", "architecture.generator_width=16", "training.sample_interval=30")
SETTINGS += (
    "training.checkpoint_interval=20",
    "training.threads=1",
    "device=cpu",
    "seed=3",
    "metrics.epoch_interval=2",
)
pytestmark = pytest.mark.integration


def finish(arguments: list[str], **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    done = finish([sys.executable, "-m", "improved_gan", *SETTINGS, f"output_root={root}", "tracking.mode=offline"])
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    assert folder.is_dir() and folder.parent == root / "default"
    return folder


def test_the_folder_is_the_contract(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "config.yaml", "log.txt", "metrics.jsonl", "summary.json", "checkpoints", "samples", "wandb", "test_logits.npz",
        ".lock",
    }  # fmt: skip
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"step_000040.pt", "step_000060.pt", "best.pt"}
    assert {p.name for p in (run / "samples").iterdir()} == {f"step_{n:06d}.png" for n in (0, 30, 60)}
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["step"], summary["seed"]) == ("finished", 60, 3)
    assert torch.__version__.startswith(summary["environment"]["torch"])
    logits = np.load(run / "test_logits.npz", allow_pickle=False)
    errors = int((logits["logits"].argmax(1) != logits["labels"]).sum())
    metric = summary["metrics"]["test_error"]
    assert (metric["errors"], metric["samples"], metric["split"]) == (errors, 360, "test")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == sorted({*range(10, 61, 10), 28, 56})
    assert {"discriminator_loss", "generator_loss", "discriminator_gradient_norm", "images_per_second"} <= set(lines[0])


def test_wandb_got_what_the_folder_holds(run: Path) -> None:
    (path,) = offline_logs(run)
    log = read_offline_log(path)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = {row["_step"]: row for row in log.history}
    for line in lines:
        row = rows[line["step"]]
        assert {name: row[name] for name in line} == line
    assert sorted(log.tags) == ["label_smoothing", "minibatch_discrimination", "virtual_batch_norm"]
    assert log.config["seed"] == 3
    assert log.group == "default"
    summary = json.loads((run / "summary.json").read_text())
    assert log.summary["metrics"]["test_error"]["value"] == summary["metrics"]["test_error"]["value"]
    assert {alias for artifact in log.artifacts for alias in artifact.aliases} >= {"best", "final"}


def test_a_run_loads_from_python_and_draws_the_same_images_every_time(run: Path) -> None:
    loaded = improved_gan.load(run)
    images = loaded.sample(16)
    assert images.shape == (16, 1, 8, 8) and images.dtype == torch.uint8
    assert torch.equal(images, loaded.sample(150)[:16])  # however many are asked for
    assert torch.equal(images, improved_gan.load(str(run)).sample(16, seed=0))
    assert not torch.equal(images, loaded.sample(16, seed=1))
    assert len(images.unique(dim=0)) > 1


def test_sampling_writes_pictures_and_arrays(run: Path, command: Callable[..., list[str]]) -> None:
    done = finish(command("job=sample", f"run={run}", "sample.count=20", "sample.columns=5", "device=cpu"))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    assert folder == run / "evaluation" / "sample"
    images = np.load(folder / "images.npz", allow_pickle=False)["images"]
    assert images.shape == (20, 8, 8, 1) and images.dtype == np.uint8
    assert np.array_equal(images, improved_gan.load(run).sample(20).permute(0, 2, 3, 1).numpy())
    assert Image.open(folder / "grid.png").size == (5 * 50 + 2, 4 * 50 + 2)
    between = np.load(folder / "interpolation.npz", allow_pickle=False)["images"]
    assert between.shape == (64, 8, 8, 1)
    assert Image.open(folder / "interpolation.png").size[0] == 8 * 50 + 2


def test_a_walk_through_the_latents_begins_with_the_grid(run: Path, command: Callable[..., list[str]]) -> None:
    line = command("job=sample", f"run={run}", "sample.count=6", "sample.columns=3", "device=cpu")
    done = finish([*line, "sample.animation=true", "sample.interpolation_steps=3", "sample.interpolations=0"])
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    with Image.open(folder / "walk.gif") as walk, Image.open(folder / "grid.png") as grid:
        assert walk.size == grid.size and walk.n_frames == 12
        frames = []
        for number in range(walk.n_frames):
            walk.seek(number)
            frames.append(np.asarray(walk.convert("RGB"), dtype=int))
        assert np.abs(frames[0] - np.asarray(grid.convert("RGB"), dtype=int)).max() <= 1
        assert np.abs(frames[0] - frames[4]).max() > 5


def test_what_is_no_trained_run_of_ours_is_said(run: Path, command: Callable[..., list[str]], tmp_path: Path) -> None:
    """A run whose checkpoints are damaged, or are another run's; a folder of another program's."""
    copy = tmp_path / "copy"

    def refused(*more: str) -> str:
        done = finish(command("job=sample", f"run={copy}", "device=cpu", *more))
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert not (copy / "evaluation").exists()
        return done.stderr.splitlines()[-1]

    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("evaluation"))
    for path in (copy / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1000])
    assert refused() == f"error: run={copy}: has no checkpoint that can be read"
    assert "best.pt is damaged" in refused("sample.checkpoint=best")
    shutil.copytree(run / "checkpoints", copy / "checkpoints", dirs_exist_ok=True)
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(config.replace("generator_width: 16", "generator_width: 24"))
    assert "its checkpoint is not of the networks in its config.yaml" in refused()
    (copy / "config.yaml").write_text("model: resnet50\n")
    assert "config.yaml cannot be read as a run's config" in refused()


def test_prepare_says_what_the_set_holds(command: Callable[..., list[str]]) -> None:
    done = finish(command("job=prepare"))
    assert done.returncode == 0, done.stderr
    assert "1437" in done.stdout and "360" in done.stdout
    assert Path(done.stdout.splitlines()[-1], "dataset.json").is_file()


def test_not_enough_labels_is_a_wrong_request(command: Callable[..., list[str]], tmp_path: Path) -> None:
    done = finish(command("dataset.labels_per_class=1000"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: dataset.labels_per_class=1000: class")
    assert not (tmp_path / "outputs").exists()


def test_a_full_disk_fails_the_run_in_one_line(command: Callable[..., list[str]], tmp_path: Path) -> None:
    line = command("training.steps=30", "training.checkpoint_interval=10", "tracking.mode=disabled", "device=cpu")
    limited = ["bash", "-c", 'ulimit -f 200; exec "$@"', "bash", *line]  # KiB a file: no checkpoint fits
    done = finish(limited)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: File too large")
    (summary,) = (tmp_path / "outputs").glob("*/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "failed"
    assert not list(summary.parent.glob("checkpoints/*"))
    again = finish(line)
    assert again.returncode == 0, again.stderr


def test_a_net_that_memory_cannot_hold_fails_in_one_line(command: Callable[..., list[str]], tmp_path: Path) -> None:
    wide = ["architecture.width=8192", "technique=our_methods"]
    wide += [f"technique.minibatch_discrimination.{key}=4096" for key in ("kernels", "dims")]
    done = finish(command(*wide, "tracking.mode=disabled", "device=cpu"))
    assert done.returncode == 1 and done.stderr.startswith("error: not enough memory")
    assert not (tmp_path / "outputs").exists()


def test_weights_that_are_not_inceptions_are_a_wrong_request(command: Callable[..., list[str]], tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_text("no weights")
    done = finish(command("metrics.names=[inception_score]", f"metrics.inception_weights={weights}"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"metrics.inception_weights={weights}: cannot be read" in done.stderr
    assert not (tmp_path / "outputs").exists()


def test_a_missing_gpu_is_a_wrong_request(command: Callable[..., list[str]], tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = finish(command("device=cuda:7"))
    assert done.returncode == 2
    assert "device=cuda:7" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "overrides", [["dataset=mnist", "architecture=mnist_mlp"], ["dataset=cifar10", "architecture=cifar10_conv"]]
)
def test_the_papers_data_sets_train(overrides: list[str], real_data: Path, command: Callable[..., list[str]]) -> None:
    small = ["training.batch_size=20", "training.threads=1", "tracking.mode=disabled"]
    done = finish(command(*overrides, "budget=smoke", *small))
    assert done.returncode == 0, done.stderr
    summary = json.loads(Path(done.stdout.splitlines()[-1], "summary.json").read_text())
    assert summary["scaled"] and summary["step"] == 6 and summary["metrics"]["test_error"]["samples"] == 200


def test_a_multirun_does_every_job_and_says_what_failed(command: Callable[..., list[str]], tmp_path: Path) -> None:
    small = ["-m", "training.steps=3", "tracking.mode=disabled", "training.threads=1", "training.log_interval=1"]
    line = command(*small, "training.learning_rate=1e30,0.001", "seed=1,2")
    done = finish(line)
    assert done.returncode == 1
    assert Path(done.stdout.splitlines()[-1]) == tmp_path / "outputs" / "default"
    assert done.stderr.count("failed with status 1") == 2
    summaries = [json.loads(p.read_text()) for p in (tmp_path / "outputs" / "default").glob("*/summary.json")]
    assert sorted(s["status"] for s in summaries) == ["failed", "failed", "finished", "finished"]
    again = finish(line)
    assert again.returncode == 1 and again.stderr.count("already finished") == 2


def test_help_takes_under_a_second_and_names_groups_and_choices() -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = finish([sys.executable, "-m", "improved_gan", "--help"])
        seconds.append(time.perf_counter() - started)
    assert done.returncode == 0
    for word in ("technique", "our_methods", "dataset", "cifar10", "improved-gan -m"):
        assert word in done.stdout
    heavy = "import sys, improved_gan.cli; print([m for m in ('torch', 'wandb', 'torchvision') if m in sys.modules])"
    assert finish([sys.executable, "-c", heavy]).stdout.strip() == "[]"
    assert min(seconds) < 1


def test_cfg_job_prints_the_config_and_trains_nothing(command: Callable[..., list[str]], tmp_path: Path) -> None:
    done = finish(command("--cfg", "job", "seed=9"))
    assert done.returncode == 0, done.stderr
    assert "seed: 9" in done.stdout and "real_target: 0.9" in done.stdout
    assert not (tmp_path / "outputs").exists()
    wrong = finish(command("--cfg", "job", "sead=9"))
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("dataset=c", "dataset=cifar10"), ("job=s", "job=sample job=search"), ("training.bat", "training.batch_size=")],
)
def test_the_shell_completes(typed: str, offered: str) -> None:
    """bash itself, as `eval "$(improved-gan -sc install=bash)"` sets it up."""
    installed = Path(sys.executable).with_name("improved-gan")
    if not installed.exists() or shutil.which("bash") is None:
        pytest.skip("needs bash and an installed improved-gan")
    line = f"""PATH={installed.parent}:$PATH
        eval "$(improved-gan -sc install=bash)"
        complete -p improved-gan | grep -q hydra_bash_completion || exit 3
        COMP_LINE='improved-gan {typed}'; COMP_POINT=${{#COMP_LINE}}; COMP_CWORD=1
        hydra_bash_completion
        echo "${{COMPREPLY[*]}}" """
    done = finish(["bash", "-c", line])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == offered
