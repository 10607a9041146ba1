"""Random states: kept for the run's own device, and left alone by whatever metrics."""

import logging

import numpy as np
import pytest
import torch
from small_runs import small_trainer

from improved_gan.evaluation.independent_critic import train_independent_critic
from improved_gan.training.random_state import cpu_seeded, random_state, restore_random_state

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_the_stream_goes_on_where_it_was() -> None:
    state = random_state(CPU)
    drawn = torch.rand(3)
    restore_random_state(state, CPU)
    assert torch.equal(torch.rand(3), drawn)


def test_a_seeded_block_draws_what_the_seed_says_and_leaves_no_trace() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    before = torch.get_rng_state()
    with cpu_seeded(5):
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_measuring_seeds_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `torch.manual_seed` asks of the GPUs is queued until CUDA starts, and so seen without one."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("every GPU's stream starts anew"))
    images = np.zeros((20, 1, 8, 8), np.uint8)
    train_independent_critic("critic", images, images, 0, device=CPU, steps=1)


def test_a_change_of_the_kind_of_device_is_said(caplog: pytest.LogCaptureFixture) -> None:
    state = random_state(CPU) | {"device_type": "cuda", "device": torch.zeros(16, dtype=torch.uint8)}
    drawn = torch.rand(3)
    with caplog.at_level(logging.WARNING):
        restore_random_state(state, CPU)
    assert "began on cuda and goes on on cpu" in caplog.text and "not bit for bit" in caplog.text
    assert torch.equal(torch.rand(3), drawn)  # the CPU's own stream goes on


def test_a_trainers_checkpoint_holds_its_own_device_alone(caplog: pytest.LogCaptureFixture) -> None:
    trainer = small_trainer("device=cpu")
    state = trainer.state_dict()
    assert state["random_state"].keys() == {"cpu", "device_type", "device"}
    assert state["random_state"]["device_type"] == "cpu" and state["random_state"]["device"] is None
    trainer.load_state_dict(state)
    assert not caplog.records


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpus_stream_goes_on_where_it_was() -> None:
    state = random_state(GPU)
    drawn = torch.rand(3, device=GPU)
    restore_random_state(state, GPU)
    assert torch.equal(torch.rand(3, device=GPU), drawn)
