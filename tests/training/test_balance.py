"""Who moves, how strongly, and through which noise: each against what it must do, and none of it lost on resume."""

from typing import Any

import pytest
import torch
from small_runs import small_trainer

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.training.balance import AdaptiveBalance


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_the_stronger_player_waits_and_never_both() -> None:
    balance = AdaptiveBalance(0.625)
    for accuracy in torch.linspace(0, 1, 9):
        moves = balance.should_update_discriminator(accuracy), balance.should_update_generator()
        assert moves == (float(accuracy) < 0.625, 1 - float(accuracy) < 0.625)
        assert any(moves)
    assert balance.counts() == {"discriminator_updates_skipped": 4, "generator_updates_skipped": 4}
    free = AdaptiveBalance(None)
    assert (
        free.should_update_discriminator(torch.tensor(1.0)) and free.should_update_generator() and free.counts() == {}
    )


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_a_skipped_update_changes_no_weight_and_is_counted(updates: str) -> None:
    settings = ("objective=non_saturating", "training.balance.accuracy_threshold=0.51", "training.learning_rate=0.01")
    run = small_trainer(*settings, f"training.updates={updates}")
    for _ in range(8):
        before = weights(run.pair.discriminator)
        skipped = run.pair.balance.counts()["discriminator_updates_skipped"]
        losses = run.advance()
        moved = not torch.equal(before, weights(run.pair.discriminator))
        assert moved == (float(losses["discriminator_batch_accuracy"]) < 0.51)
        assert moved == (run.pair.balance.counts()["discriminator_updates_skipped"] == skipped)
    assert run.pair.balance.counts()["discriminator_updates_skipped"] > 0


@pytest.mark.parametrize("player", ["generator", "discriminator"])
@pytest.mark.parametrize("objective", ["semi_supervised", "wasserstein"])
def test_a_frozen_player_stays_bit_identical_and_has_a_gradient(player: str, objective: str) -> None:
    run = small_trainer(f"objective={objective}", f"training.{player}_learning_rate=0")
    frozen = run.pair.generator if player == "generator" else run.pair.discriminator
    other = run.pair.discriminator if player == "generator" else run.pair.generator
    before, moving = weights(frozen), weights(other)
    for _ in range(3):
        losses = run.advance()
    assert torch.equal(before, weights(frozen)) and not torch.equal(moving, weights(other))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in frozen.parameters())
    assert {"generator_loss", "discriminator_loss", "discriminator_batch_accuracy"} <= losses.keys()


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_loss_weight_scales_the_gradient(player: str) -> None:
    def gradient(weight: float) -> torch.Tensor:
        run = small_trainer(f"training.balance.{player}_loss_weight={weight}", f"training.{player}_learning_rate=0")
        run.advance()
        network = run.pair.generator if player == "generator" else run.pair.discriminator
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    torch.testing.assert_close(gradient(3.0), 3 * gradient(1.0))


def test_the_discriminator_sees_every_image_through_noise_while_it_trains() -> None:
    run = small_trainer("training.balance.instance_noise_std=0.5", "architecture.input_regulariser=null", "seed=3")
    seen: list[Any] = []
    inside = run.pair.discriminator.trunk.network
    inside.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].detach()))
    images = torch.zeros(200, 1, 8, 8)
    run.pair.discriminator(images, images + 1)
    assert float(seen[-1][:200].std()) == pytest.approx(0.5, rel=0.03)
    assert float((seen[-1][200:] - 1).std()) == pytest.approx(0.5, rel=0.03)
    run.pair.discriminator.eval()
    run.pair.discriminator(images)
    assert torch.equal(seen[-1], images)


def test_the_noise_decays_linearly_to_zero() -> None:
    run = small_trainer("training.balance.instance_noise_std=0.4", "training.balance.instance_noise_decay=true")
    noise, deviations = run.pair.discriminator_noise, []
    assert noise is not None
    for _ in range(10):
        run.advance()
        deviations.append(float(noise.std))
    assert deviations == pytest.approx([0.4 * (1 - k / 10) for k in range(10)])


def test_resumed_in_the_middle_the_weights_and_counts_are_the_same() -> None:
    settings = ("objective=non_saturating", "training.balance.accuracy_threshold=0.51")
    settings += ("training.balance.instance_noise_std=0.1", "training.balance.instance_noise_decay=true")
    settings += ("training.learning_rate=0.01",)
    whole = small_trainer(*settings)
    for _ in range(5):
        whole.advance()
    state = whole.state_dict()
    half = {"step": state["step"], "pair": _copied(state["pair"]), "random_state": state["random_state"]}
    for _ in range(5):
        whole.advance()
    expected, counts = weights(whole.pair.generator), whole.pair.balance.counts()
    resumed = small_trainer(*settings)
    resumed.load_state_dict(half)
    for _ in range(5):
        resumed.advance()
    assert torch.equal(expected, weights(resumed.pair.generator))
    assert counts == resumed.pair.balance.counts() and sum(counts.values()) > 0


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(value) for value in node]
    return node.clone() if isinstance(node, torch.Tensor) else node


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["training.balance.accuracy_threshold=0.5"], "greater than 0.5"),
        (["training.balance.accuracy_threshold=0.8", "objective=supervised_only"], "trains no generator"),
        (["training.balance.generator_loss_weight=0"], "greater than 0"),
        (["training.generator_learning_rate=0", "training.discriminator_learning_rate=0"], "trains neither player"),
        (["training.learning_rate=0"], "greater than 0"),
    ],
)
def test_what_cannot_balance_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compose_jobs(["technique=none", *overrides])
