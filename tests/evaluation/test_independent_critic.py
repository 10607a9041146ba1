"""Networks trained afresh to tell reals from samples: right where the answer is known."""

import numpy as np
import pytest
import torch

from improved_gan.evaluation.independent_critic import train_independent_critic

CPU = torch.device("cpu")


def noise(count: int, seed: int, mean: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(mean - 20, mean + 20, (count, 1, 8, 8)).astype(np.uint8)


def test_a_discriminator_tells_dark_from_bright_and_nothing_from_nothing() -> None:
    state = torch.random.get_rng_state()
    real_score = train_independent_critic(
        "discriminator", noise(100, 0, 150), noise(100, 1, 100), 0, device=CPU, steps=40
    )
    assert (real_score(noise(50, 2, 150)) > 0).all() and (real_score(noise(50, 3, 100)) < 0).all()
    assert torch.equal(state, torch.random.get_rng_state())
    alike = train_independent_critic("discriminator", noise(200, 0, 128), noise(200, 1, 128), 0, device=CPU, steps=40)
    right = ((alike(noise(200, 2, 128)) > 0).float().mean() + (alike(noise(200, 3, 128)) < 0).float().mean()) / 2
    assert right == pytest.approx(0.5, abs=0.1)


def test_a_critic_finds_the_distance_of_a_shift() -> None:
    # Shifted by 64 of 127.5 in each of 64 pixels: |c| = 0.502 * 8, along which f can climb with gradient norm 1.
    reals = noise(200, 0, 100)
    critic = train_independent_critic("critic", reals, reals + np.uint8(64), 0, device=CPU, steps=100)
    held_out = noise(100, 2, 100)
    distance = float((critic(held_out) - critic(held_out + np.uint8(64))).mean())
    assert distance == pytest.approx(64 / 127.5 * 8, rel=0.15)


def test_the_same_seed_gives_the_same_network() -> None:
    reals, samples = noise(30, 0, 100), noise(30, 1, 110)
    first, second = (train_independent_critic("critic", reals, samples, 7, device=CPU, steps=3) for _ in range(2))
    assert torch.equal(first(samples), second(samples))
