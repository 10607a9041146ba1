"""The parts of a run that hold state: optimizer, averages, shuffles, checkpoints, samples."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from improved_gan.training.adam import Adam
from improved_gan.training.batches import Images, Shuffle
from improved_gan.training.checkpoint import load_newest, save_checkpoint, step_checkpoints
from improved_gan.training.ema import ExponentialMovingAverage


def test_adam_is_the_formula_with_epsilon_inside_the_root() -> None:
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
    optimizer = Adam([parameter], lr=0.1, betas=(0.5, 0.999), eps=1e-3)
    values, m, v = parameter.detach().clone(), torch.zeros(5).double(), torch.zeros(5).double()
    for t in range(1, 30):
        gradient = torch.randn(5, dtype=torch.float64) * (t % 3)
        parameter.grad = gradient.clone()
        optimizer.step()
        m, v = 0.5 * m + 0.5 * gradient, 0.999 * v + 0.001 * gradient**2
        values -= 0.1 * (m / (1 - 0.5**t)) / (v / (1 - 0.999**t) + 1e-3).sqrt()
        torch.testing.assert_close(parameter.detach(), values, rtol=1e-10, atol=1e-12)


def test_adam_goes_on_from_its_state() -> None:
    def run(restart: bool) -> torch.Tensor:
        parameter = torch.nn.Parameter(torch.ones(3))
        optimizer = Adam([parameter], lr=0.1, betas=(0.5, 0.999), eps=1e-8)
        for t in range(10):
            if restart and t == 5:
                state = optimizer.state_dict()
                optimizer = Adam([parameter], lr=0.1, betas=(0.5, 0.999), eps=1e-8)
                optimizer.load_state_dict(state)
            parameter.grad = torch.tensor([1.0, -2.0, 0.0]) * (t + 1)
            optimizer.step()
        return parameter.detach()

    assert torch.equal(run(False), run(True))


@pytest.mark.parametrize("corrected", [False, True])
def test_the_average_is_the_recursion(corrected: bool) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    average, expected = ExponentialMovingAverage([parameter], 0.1, corrected), 0.0
    for step in range(1, 8):
        with torch.no_grad():
            parameter.fill_(float(step))
        average.update()
        expected += 0.1 * (step - expected)
    with average.applied():
        inside = parameter.item()
    assert inside == pytest.approx(expected / (1 - 0.9**7) if corrected else expected)
    assert parameter.item() == 7


def test_a_shuffle_shows_everything_once_a_pass_and_needs_no_memory() -> None:
    indices = torch.arange(100, 110)
    walk = Shuffle(indices, seed=1, stream=0)
    batches = [walk.batch(number, 4) for number in range(10)]
    seen = torch.cat(batches)
    for start in range(0, 40, 10):
        assert sorted(seen[start : start + 10].tolist()) == indices.tolist()
    assert not torch.equal(seen[:10], seen[10:20])
    again = Shuffle(indices, seed=1, stream=0)
    assert torch.equal(again.batch(7, 4), batches[7])
    assert not torch.equal(Shuffle(indices, seed=1, stream=1).batch(0, 10), walk.batch(0, 10))
    assert not torch.equal(Shuffle(indices, seed=2, stream=0).batch(0, 10), walk.batch(0, 10))


def test_images_are_scaled_and_indexed() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 1, 2, 2)
    images = Images(pixels, np.arange(6), offset=127.5, scale=128.0, device=torch.device("cpu"))
    taken = images.take(torch.tensor([5, 0]))
    assert taken.flatten().tolist() == [(float(v) - 127.5) / 128 for v in (20, 21, 22, 23, 0, 1, 2, 3)]
    labels = images.take_labels(torch.tensor([5, 0]))
    assert labels is not None and labels.tolist() == [5, 0]


def test_the_newest_two_checkpoints_are_kept_and_damage_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (5, 10, 1_000_000):
        save_checkpoint({"step": step, "pair": torch.ones(3), "best": math.inf}, tmp_path, step)
    assert [path.name for path in step_checkpoints(tmp_path)] == ["step_1000000.pt", "step_000010.pt"]
    newest = load_newest(tmp_path, "cpu")
    assert newest is not None and newest["step"] == 1_000_000
    (tmp_path / "step_1000000.pt").write_bytes(b"half a file")
    older = load_newest(tmp_path, "cpu")
    assert older is not None and older["step"] == 10
    assert "step_1000000.pt is damaged" in caplog.text
    assert load_newest(tmp_path / "nowhere", "cpu") is None
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
