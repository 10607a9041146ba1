"""A step that is replayed does what the step does: a CPU can show it with a capture that does the work anew."""

import logging
from collections.abc import Callable

import pytest
import torch
from small_runs import small_trainer

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.training.step import Losses
from improved_gan.training.step_graph import StepGraph, Work, agree, state_of
from improved_gan.training.trainer import Trainer

CASES = {
    "our methods": ("technique=our_methods",),
    "convolutions": ("architecture=digits_conv", "technique=our_methods"),
    "generator sees no reals": ("objective=hinge", "technique=none"),
    "several updates": ("training.discriminator_steps=2", "training.generator_steps=3", "technique=none"),
    "spectral norm": ("technique=none", "technique.spectral_norm.enabled=true"),
    "supervised": ("objective=supervised_only", "technique=none"),
    "autoencoder": ("objective=autoencoder", "technique=none"),
    "noise that falls": ("training.balance.instance_noise_std=0.1", "training.balance.instance_noise_decay=true"),
}


def done_anew(work: Work) -> Work:
    """What a graph is on a CPU: the same work at every launch, on the buffers that it was given at first."""
    return work


def trainer_of(*overrides: str) -> Trainer:
    trainer = small_trainer("device=cpu", "training.batch_size=32", *overrides)
    trainer.initialise()
    return trainer


def replayed(trainer: Trainer, capture: Callable[[Work], Work], exact: bool = True, insists: bool = False) -> StepGraph:
    trainer.updates = StepGraph(trainer._updates, trainer.pair, exact=exact, insists=insists, capture=capture)
    return trainer.updates


@pytest.mark.parametrize("case", CASES)
def test_the_step_on_buffers_that_stay_ends_in_the_same_weights(case: str) -> None:
    plain, other = trainer_of(*CASES[case]), trainer_of(*CASES[case])
    captures = []
    replayed(other, lambda work: captures.append(work) or done_anew(work))
    for trainer in (plain, other):
        torch.manual_seed(7)
        for step in range(6):
            trainer.advance(watched=step == 4)
    assert len(captures) == 1 and other.updates.replays
    assert agree(state_of(plain.pair), state_of(other.pair), exact=True)


def does_nothing(work: Work) -> Work:
    losses = work()
    return lambda: losses


def off_by(factor: float) -> Callable[[Trainer], Callable[[Work], Work]]:
    """A capture whose kernels round otherwise: weights end this much too large."""

    def of(trainer: Trainer) -> Callable[[Work], Work]:
        def capture(work: Work) -> Work:
            def replay() -> Losses:
                losses = work()
                with torch.no_grad():
                    torch._foreach_mul_(list(trainer.pair.discriminator.parameters()), factor)
                return losses

            return replay

        return capture

    return of


def refuses(work: Work) -> Work:
    work()
    raise RuntimeError("operation not permitted when stream is capturing\nmore lines")


@pytest.mark.parametrize(
    ("capture", "said"),
    [
        (lambda _: does_nothing, "ends in other weights"),
        (off_by(1 + 1e-6), "ends in other weights"),
        (lambda _: refuses, "cannot be captured (operation not permitted when stream is capturing)"),
    ],
)
def test_what_does_something_else_is_not_trusted_and_leaves_no_trace(
    capture: Callable[[Trainer], Callable[[Work], Work]], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    plain, other = trainer_of("technique=our_methods"), trainer_of("technique=our_methods")
    replayed(other, capture(other))
    with caplog.at_level(logging.INFO, logger="improved_gan"):
        for trainer in (plain, other):
            torch.manual_seed(7)
            for _ in range(5):
                trainer.advance()
    assert agree(state_of(plain.pair), state_of(other.pair), exact=True)
    (line,) = [record.getMessage() for record in caplog.records if "cuda_graph" in record.getMessage()]
    assert said in line
    insisting = trainer_of("technique=our_methods")
    replayed(insisting, capture(insisting), insists=True)
    insisting.advance()
    with pytest.raises(UsageError, match=r"training\.cuda_graph=true: this step"):
        insisting.advance()


def test_a_run_that_need_not_be_deterministic_takes_a_replay_that_rounds_otherwise() -> None:
    for factor, taken in ((1 + 1e-6, True), (1.01, False)):
        trainer = trainer_of("technique=our_methods")
        graph = replayed(trainer, off_by(factor)(trainer), exact=False)
        trainer.advance()
        trainer.advance()
        assert graph.replays is taken


def test_a_restored_run_captures_anew() -> None:
    trainer = trainer_of("technique=our_methods")
    graph = replayed(trainer, done_anew)
    trainer.load_state_dict(trainer.state_dict())
    assert trainer.updates is not graph


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("device=cpu",), "a CPU has none"),
        (("device=auto", "training.balance.accuracy_threshold=0.8"), "accuracy_threshold reads"),
        (("device=auto", "objective=hinge", "technique=none", "technique.unrolling.enabled=true"), "unrolling reads"),
    ],
)
def test_what_cannot_be_captured_is_refused_with_its_reason_when_asked_for(
    overrides: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(UsageError, match=f"training.cuda_graph=true: .*{reason}"):
        compose_jobs([*overrides, "training.cuda_graph=true"])
    compose_jobs([*overrides, "training.cuda_graph=false"])
    assert not isinstance(small_trainer(*overrides, "training.cuda_graph=auto").updates, StepGraph)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_turns_out_to_be_a_cpu_is_refused_too() -> None:
    with pytest.raises(UsageError, match="a CPU has none"):
        small_trainer("device=auto", "training.cuda_graph=true")


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"training\.cuda_graph=perhaps: must be one of auto, true, false"):
        compose_jobs(["training.cuda_graph=perhaps"])


def test_how_a_step_is_launched_is_no_part_of_a_runs_hash() -> None:
    assert (
        len({compose_jobs(["device=auto", f"training.cuda_graph={how}"])[0].digest for how in ("auto", "false")}) == 1
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_replays_the_step_and_ends_in_the_same_weights(case: str) -> None:
    ends = []
    for how in ("true", "false"):
        trainer = small_trainer("device=cuda", "training.batch_size=32", f"training.cuda_graph={how}", *CASES[case])
        trainer.initialise()
        torch.manual_seed(7)
        for step in range(8):
            trainer.advance(watched=step == 5)
        assert isinstance(trainer.updates, StepGraph) is (how == "true")
        ends.append(state_of(trainer.pair))
    assert agree(*ends, exact=True)
