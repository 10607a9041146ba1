"""What is said of a step beside its losses: right where it is known, and without any effect on the run."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import small_trainer

from improved_gan.composing import compose_jobs
from improved_gan.objective import Adversarial, build_objective
from improved_gan.training.diagnostics import Diagnostics, mean_distance
from improved_gan.training.step import discriminator_statistics
from improved_gan.training.trainer import Trainer


def game(name: str) -> Adversarial:
    objective = build_objective(compose_jobs([f"objective={name}", "technique=none"])[0].config.objective)
    assert isinstance(objective, Adversarial)
    return objective


def watched(run: Trainer) -> dict[str, float]:
    diagnostics = Diagnostics(run)
    with diagnostics.watching():
        run.advance()
    return {name: float(value) for name, value in diagnostics.values().items()}


def test_the_norm_of_a_gradient_is_made_of_its_layers() -> None:
    run = small_trainer()
    values = watched(run)
    for player, network in (("generator", run.pair.generator), ("discriminator", run.pair.discriminator)):
        squares: dict[str, float] = {}
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None
            layer = name.rpartition(".")[0]
            squares[layer] = squares.get(layer, 0) + float(parameter.grad.double().square().sum())
        assert values[f"{player}_gradient_norm"] == pytest.approx(sum(squares.values()) ** 0.5, rel=1e-5)
        by_layer = {
            name.partition("/")[2]: v for name, v in values.items() if name.startswith(f"{player}_gradient_norm/")
        }
        assert by_layer == pytest.approx({layer: square**0.5 for layer, square in squares.items()}, rel=1e-5)


def test_an_updates_size_is_that_of_the_last_one_relative_to_the_weights() -> None:
    run = small_trainer("training.discriminator_steps=2")
    history: list[Any] = []
    player = run.pair.discriminator_player
    player.optimizer.register_step_pre_hook(
        lambda *_: history.append([p.detach().clone() for p in player.network.parameters()])
    )
    values = watched(run)
    before = torch.cat([p.flatten() for p in history[-1]]).double()
    after = torch.cat([p.detach().flatten() for p in player.network.parameters()]).double()
    assert len(history) >= 2  # twice a step where PyTorch's own Adam was made in this process before ours
    assert values["discriminator_update_ratio"] == pytest.approx(
        float((after - before).norm() / before.norm()), rel=1e-4
    )


def test_diversity_is_that_of_the_reals_for_reals_and_none_for_one_image() -> None:
    run = small_trainer()
    size = run.config.training.batch_size
    reals = run.batches.first("unlabelled")[:size].flatten(1).double().numpy()
    distances = [np.linalg.norm(x - y) for k, x in enumerate(reals) for y in reals[:k]]
    assert float(mean_distance(run.batches.first("unlabelled")[:size])) == pytest.approx(np.mean(distances), rel=1e-5)

    def diversity(generated: Any) -> float:
        run.pair.generator_player.network.forward = generated
        return float(Diagnostics(run).values()["batch_diversity"])

    run.advance()
    other = run.batches.images.take(torch.arange(700, 700 + size))
    assert diversity(lambda latents: other) == pytest.approx(1, abs=0.05)
    assert diversity(lambda latents: other[:1].expand(len(latents), -1, -1, -1)) == 0
    modes = other[:2].repeat(size // 2, 1, 1, 1)
    assert 0.3 < diversity(lambda latents: modes) < 0.7


def test_accuracy_is_the_mean_of_both_kinds_and_a_critics_is_about_the_midpoint() -> None:
    def accuracy(objective: Adversarial, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return discriminator_statistics(objective, real, fake)["discriminator_batch_accuracy"]

    real, fake = torch.tensor([[1.0], [-1.0], [2.0], [3.0]]), torch.tensor([[-1.0], [-2.0]])
    assert float(accuracy(game("minimax"), real, fake)) == pytest.approx((0.75 + 1) / 2)
    critic = game("wasserstein")
    assert float(accuracy(critic, real + 50, fake + 50)) == pytest.approx((0.75 + 1) / 2)
    assert float(accuracy(critic, real, real)) == pytest.approx(0.5)


@pytest.mark.parametrize("technique", ["none", "our_methods"])
def test_a_run_is_the_same_diagnosed_or_not(technique: str) -> None:
    def after_three_steps(diagnosed: bool) -> list[torch.Tensor]:
        run = small_trainer(f"technique={technique}", "technique.minibatch_discrimination.kernels=6")
        diagnostics = Diagnostics(run)
        for _ in range(3):
            with diagnostics.watching() if diagnosed else nullcontext():
                run.advance()
            if diagnosed:
                diagnostics.values()
        networks = (run.pair.generator, run.pair.discriminator)
        return [torch.get_rng_state(), *(p for network in networks for p in network.parameters())]

    for plain, diagnosed in zip(after_three_steps(False), after_three_steps(True), strict=True):
        assert torch.equal(plain, diagnosed)
