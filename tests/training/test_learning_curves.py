"""scripts/learning_curves.py: the fast step and the same step written plainly."""

import sys
from pathlib import Path

import pytest
import torch
from small_runs import small_trainer

from improved_gan.layers import noise
from improved_gan.layers.noise import GaussianNoise
from improved_gan.training.trainer import Trainer

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
from learning_curves import WAYS, Curve, decide, learn


def beginning() -> Trainer:
    return small_trainer("objective=semi_supervised", "technique.feature_matching.enabled=true", "training.epochs=3",
                         "training.steps=null", "training.batch_size=20", "architecture.width=32")  # fmt: skip


def four_steps(run: Trainer, way: str) -> Trainer:
    with WAYS[way][0]():
        for _ in range(4):
            run.advance()
    return run


def weights(run: Trainer) -> torch.Tensor:
    networks = (run.pair.discriminator, run.pair.generator)
    return torch.cat([p.detach().flatten() for network in networks for p in network.parameters()])


def test_without_noise_both_ways_make_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    # A draw for all layers takes its seed from torch's generator, which then gives other latents: so no such draw here.
    monkeypatch.setattr(noise, "MANY", sys.maxsize)
    found = {}
    for way in ("fast", "plain"):
        run = beginning()
        for layer in run.pair.discriminator.modules():
            if isinstance(layer, GaussianNoise):
                layer.std = 0.0
        found[way] = weights(four_steps(run, way))
    assert (found["fast"] - weights(beginning())).abs().max() > 0.01
    torch.testing.assert_close(found["fast"], found["plain"], rtol=1e-3, atol=1e-4)
    assert not torch.equal(found["fast"], found["plain"])  # else the second is the first


def test_the_plain_way_draws_a_layer_at_a_time_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_draw(*_: object) -> None:
        raise AssertionError("a draw for all layers")

    monkeypatch.setattr(noise, "MANY", 1)
    run = beginning()
    monkeypatch.setattr(noise, "normals", no_draw)
    four_steps(run, "plain")
    with pytest.raises(AssertionError, match="all layers"):
        four_steps(run, "fast")


def test_a_curve_has_both_kinds_of_weights_after_each_epoch() -> None:
    run = beginning()
    curve = learn(run, 2)
    assert run.step == 2 * run.steps_per_epoch
    assert {name: len(errors) for name, errors in curve.items()} == {"averaged": 2, "current": 2}
    assert curve["averaged"] != curve["current"]
    assert all(0 <= error <= 1 for errors in curve.values() for error in errors)
    assert run.pair.discriminator_player.average is not None


def curve(start: float, end: float) -> Curve:
    errors = [start + (end - start) * epoch / 14 for epoch in range(15)]
    return {"averaged": errors, "current": errors}


FP32 = [curve(0.3, end) for end in (0.08, 0.09, 0.10, 0.11, 0.12)]


@pytest.mark.parametrize(("end", "learns"), [(0.1, True), (0.14, True), (0.2, False), (0.9, False), (0.0, False)])
def test_bf16_learns_where_each_run_ends_within_the_range_of_fp32(end: float, learns: bool) -> None:
    assert decide(FP32, [curve(0.3, 0.1), curve(0.3, 0.11), curve(0.3, end)])[0] is learns


def test_too_few_curves_decide_nothing() -> None:
    assert decide(FP32[:4], [curve(0.3, 0.1)] * 3) == (
        False, "requires 5 curves of fp32 and 3 of bf16, and 4 and 3 are kept"
    )  # fmt: skip
    assert not decide(FP32, [curve(0.3, 0.1)] * 2)[0]
