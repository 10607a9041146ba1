"""Two processes that share a batch find what one finds for the whole of it, derivatives included."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gloo_processes import in_processes
from torch import Tensor, multiprocessing

from improved_gan import distributed
from improved_gan.processes import ProcessLost

ROWS = 6


def inputs() -> Tensor:
    return torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def coupled_by_gather(x: Tensor, weight: Tensor) -> Tensor:
    """Each row against all rows: a mean over the own rows."""
    projected = x @ weight
    return torch.exp(-(projected[:, None] - distributed.gathered(projected)).square().sum(-1)).sum(1).mean()


def coupled_by_sum(x: Tensor, weight: Tensor) -> Tensor:
    """A loss of the whole batch's mean: the same in every process."""
    return distributed.averaged((x @ weight).tanh().mean(0)).square().sum()


def coupled_by_moments(x: Tensor, weight: Tensor) -> Tensor:
    """Batch norm, then a mean over the own rows."""
    projected = x @ weight
    variance, mean = distributed.var_mean(projected, [0])
    return ((projected - mean) * (variance + 1e-6).rsqrt()).exp().mean()


def penalised(x: Tensor, weight: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A mean over the own rows of the squared slope, as R1 and the gradient penalty have it."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(len(x) * loss(x, weight), x, create_graph=True)
    return slope.square().sum(1).mean()


def gradients() -> dict[str, Tensor]:
    """Of each loss, and of each loss's penalty, by the weights."""
    found = {}
    with distributed.sharded(ROWS):
        x = distributed.own(inputs())
        for loss in (coupled_by_gather, coupled_by_sum, coupled_by_moments):
            for name, compute in ((loss.__name__, loss), (f"slope_{loss.__name__}", None)):
                weight = torch.eye(3, dtype=torch.float64).add(0.1).requires_grad_()
                (compute(x, weight) if compute else penalised(x, weight, loss)).backward()
                distributed.average_gradients([weight])
                assert weight.grad is not None
                found[name] = weight.grad
    return found


@pytest.mark.integration
@pytest.mark.parametrize("count", [2, 3])
def test_gradients_and_second_derivatives_are_those_of_the_whole_batch(count: int, tmp_path: Path) -> None:
    expected = gradients()
    for found in in_processes(count, gradients, folder=tmp_path):
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-12, atol=1e-12, msg=name)


def rows() -> dict[str, Tensor]:
    whole = torch.arange(2 * ROWS)
    values = torch.full((2,), 1.0 + distributed.rank())
    distributed.take_from_first([values])
    outside = distributed.gathered(values)
    with distributed.sharded(ROWS):
        return {
            "own": distributed.own(whole[:ROWS]),
            "joined": distributed.own_of_joined(whole),
            "gathered": distributed.gathered(distributed.own(whole[:ROWS].float())),
            "from first": values,
            "outside": outside,
        }


@pytest.mark.integration
def test_each_process_takes_its_rows_of_every_batch(tmp_path: Path) -> None:
    first, second = in_processes(2, rows, folder=tmp_path)
    assert first["own"].tolist() == [0, 1, 2] and second["own"].tolist() == [3, 4, 5]
    assert first["joined"].tolist() == [0, 1, 2, 6, 7, 8] and second["joined"].tolist() == [3, 4, 5, 9, 10, 11]
    for found in (first, second):
        assert found["gathered"].tolist() == [0, 1, 2, 3, 4, 5]
        assert found["from first"].tolist() == found["outside"].tolist() == [1, 1]


def test_one_process_is_left_alone() -> None:
    x = torch.randn(ROWS, 2)
    with distributed.sharded(ROWS):
        functions = (distributed.own, distributed.own_of_joined, distributed.gathered)
        assert all(function(x) is x for function in functions) and distributed.averaged(x) is x
        assert all(map(torch.equal, distributed.var_mean(x, [0]), torch.var_mean(x, [0], correction=0)))


def fail_in_one(rank: int, port: int, told: Path) -> None:
    """As torchrun starts it: process 1 runs into an error while process 0 waits for it."""
    place = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    try:
        with distributed.started(torch.device("cpu")):
            assert distributed.by_first(lambda: f"said by {distributed.rank()}") == "said by 0"
            if rank == 1:
                raise ValueError("the data are not there")
            distributed.largest(0)
    except ValueError:
        pass
    except ProcessLost as lost:
        told.write_text(str(lost))


@pytest.mark.integration
def test_a_process_that_waits_for_another_is_told_why_that_one_ended(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port = found.getsockname()[1]
    multiprocessing.spawn(fail_in_one, (port, tmp_path / "told"), nprocs=2)  # type: ignore[no-untyped-call]
    told = (tmp_path / "told").read_text()
    assert "another process of this run has ended: the data are not there (process 1)" in told
