"""Several processes, one run: how a batch is shared out, and what the processes tell each other.

Each process holds an equal shard of every batch. Its loss is a mean over the shard, or the whole batch's loss,
replicated; the mean of the processes' gradients is then the gradient of the whole batch, as long as whatever was
summed over processes has its gradient summed too. All processes draw the same random numbers, for the whole batch, and
take those of their own rows.

In one process, and outside `sharded()`, everything here is the identity: what is not a step of training (sampling,
measuring, data-dependent initialisation) is each process's own affair, and the same in all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from improved_gan.processes import ProcessLost, place
from improved_gan.schema import UsageError

LONGEST_WAIT = timedelta(days=2)  # for the first process to measure and draw; one that ends is noticed at once
REASON = "improved_gan/reason"  # why a process ended, in the store that all of them see
Result = TypeVar("Result")

_store: Any = None  # a torch.distributed.Store
_rows: int | None = None  # of one batch in this process, while its steps are shared out


@contextmanager
def started(device: torch.device) -> Iterator[None]:
    """Inside the `with`, the processes that torchrun started are one group; alone, nothing happens.

    What ends one of them ends the others by a `ProcessLost` that tells the reason.
    """
    global _store
    where = place()
    if where.count == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    _store, number, count = next(iter(rendezvous("env://")))
    dist.init_process_group(backend, store=_store, rank=number, world_size=count, timeout=LONGEST_WAIT)
    try:
        yield
    except ProcessLost:
        raise
    except BaseException as error:
        _store.set(REASON, f"{str(error) or type(error).__name__} (process {number})")
        raise
    finally:
        dist.destroy_process_group()


@contextmanager
def _noticing_loss() -> Iterator[None]:
    """Inside the `with`, a partner that is gone is a `ProcessLost`."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(
            f"another process of this run has ended: {_known_reason()}; "
            "the same command goes on from the newest checkpoint"
        ) from error


def _known_reason() -> str:
    """Why another process says that it ends, if it can and the store is not gone with it."""
    with suppress(RuntimeError):
        if _store is not None and _store.check([REASON]):
            return str(_store.get(REASON).decode())
    return "torchrun's last lines say how"


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def processes() -> int:
    """How many processes train this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads() -> bool:
    """Whether this is the process that writes, tracks and draws."""
    return rank() == 0


@contextmanager
def sharded(batch_size: int) -> Iterator[None]:
    """Inside the `with`, this process holds its share of each batch of `batch_size` examples (or packs)."""
    global _rows
    if processes() == 1:
        yield
        return
    assert batch_size % processes() == 0
    _rows = batch_size // processes()
    try:
        yield
    finally:
        _rows = None


def shares() -> int:
    """Among how many processes a batch is shared out at the moment."""
    return 1 if _rows is None else processes()


def own(whole: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "rows *rest"]:
    """This process's rows of a whole batch."""
    return whole.chunk(shares())[rank()] if _rows is not None else whole


def own_of_joined(whole: Shaped[Tensor, "joined *rest"]) -> Shaped[Tensor, "rows *rest"]:
    """This process's rows of several whole batches that were joined: of each batch its share, joined again."""
    if _rows is None:
        return whole
    return whole.unflatten(0, (-1, processes(), _rows))[:, rank()].flatten(0, 1)


def whole_like(x: Shaped[Tensor, "rows *rest"]) -> Shaped[Tensor, "batch *rest"]:
    """An empty tensor for the whole batches (one, or several joined) of which x holds the own rows; alone, x itself."""
    return x if _rows is None else x.new_empty(processes() * len(x), *x.shape[1:])


def summed(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The sum over the processes; differentiable any number of times."""
    if _rows is None:
        return x
    total: Tensor = _Sum.apply(x)
    return total


def averaged(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The mean over the processes; differentiable any number of times."""
    return summed(x) / processes() if _rows is not None else x


def gathered(x: Float[Tensor, "rows *rest"]) -> Float[Tensor, "batch *rest"]:
    """The whole batch of which x is this process's share; differentiable any number of times."""
    if _rows is None:
        return x
    before, after = rank() * len(x), (processes() - 1 - rank()) * len(x)
    padding = [x.new_zeros(count, *x.shape[1:]) for count in (before, after)]
    return summed(torch.cat([padding[0], x, padding[1]]))


def var_mean(x: Float[Tensor, "*shape"], axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The (biased) variance and the mean over `axes`, batches taken whole; differentiable any number of times."""
    variance, mean = torch.var_mean(x, list(axes), correction=0)
    if _rows is None:
        return variance, mean
    variances, means = gathered(torch.stack([variance, mean])[None]).unbind(1)
    # Shards are equal; the sum of squares less the squared sum would lose digits.
    return variances.mean(0) + means.var(0, correction=0), means.mean(0)


class _Sum(torch.autograd.Function):
    """The sum over the processes; a sum's gradient comes from every process, and so is summed over them as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.detach().clone(memory_format=torch.contiguous_format)
        with _noticing_loss():
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed_gradient: Tensor = _Sum.apply(gradient)
        return summed_gradient


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Put the mean over the processes into the parameters' gradients, in one call for each of their types."""
    if _rows is None:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    for part in _by_dtype(gradients):
        flat = torch.cat([gradient.flatten() for gradient in part])
        with _noticing_loss():
            dist.all_reduce(flat)
        _write(flat / processes(), part)


@torch.no_grad()
def take_from_first(tensors: Iterable[Tensor]) -> None:
    """Put the first process's values into these tensors, in one call for each of their types."""
    if processes() == 1:
        return
    for part in _by_dtype(list(tensors)):
        flat = torch.cat([tensor.flatten() for tensor in part])
        with _noticing_loss():
            dist.broadcast(flat, 0)
        _write(flat, part)


def mean_of_all(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The mean over the processes, at any time; no gradient."""
    if processes() == 1:
        return values
    total = values.detach().clone()
    with _noticing_loss():
        dist.all_reduce(total)
    return total / processes()


def largest(number: int) -> int:
    """The largest of the processes' numbers."""
    if processes() == 1:
        return number
    found = torch.tensor(number)
    with _noticing_loss():
        dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found)


def by_first(work: Callable[[], Result]) -> Result:
    """What `work()` returns in the first process, which alone does it; its `UsageError` is raised in all."""
    if processes() == 1:
        return work()
    told: list[Any] = [None, None]
    if leads():
        try:
            told = [work(), None]
        except UsageError as error:
            told = [None, str(error)]
    with _noticing_loss():
        dist.broadcast_object_list(told, 0)
    result, complaint = told
    if complaint is not None:
        raise UsageError(complaint)
    return result


def _by_dtype(tensors: list[Tensor]) -> list[list[Tensor]]:
    found: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        found.setdefault(tensor.dtype, []).append(tensor)
    return list(found.values())


def _write(flat: Tensor, tensors: list[Tensor]) -> None:
    for tensor, values in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(values.view(tensor.shape))
