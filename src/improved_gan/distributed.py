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
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class _Share:
    """What is at hand of every batch: number `index` of `count` equal shares, of `rows` examples (or packs).

    A process has a share, or several, its `parts`, which it takes one after another.
    """

    rows: int
    count: int
    index: int
    groups: int  # whole groups of coupled examples in a share
    partners: int  # consecutive shares that hold a group together
    parts: int


_share: _Share | None = None  # while a batch is shared out, or couples in groups


@contextmanager
def started(device: torch.device) -> Iterator[None]:
    """Inside the `with`, the processes that torchrun or srun started are one group; alone, nothing happens.

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
    _store, number, count = next(iter(rendezvous(where.meeting, where.rank, where.count)))
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
def sharded(batch_size: int, groups: int = 1, parts: int = 1) -> Iterator[None]:
    """Inside the `with`, this process holds its share of each batch of `batch_size` examples (or packs).

    A batch couples within each of `groups` groups of consecutive examples; these and the shares must nest. With several
    `parts` a process has as many shares, and whatever it does with a batch goes on in `each_part()`.
    """
    global _share
    count = processes() * parts
    if count == 1 and groups == 1:
        yield
        return
    assert batch_size % count == 0 and groups_nest(groups, count)
    _share = _Share(batch_size // count, count, rank() * parts, max(1, groups // count), max(1, count // groups), parts)
    try:
        yield
    finally:
        _share = None


def each_part() -> Iterator[None]:
    """Go through this process's parts of a batch, one at hand at a time; each has to draw the same random numbers."""
    global _share
    if parts() == 1:
        yield
        return
    assert _share is not None
    before = _share
    for part in range(before.parts):
        _share = replace(before, index=before.index + part)
        yield
    _share = before


def parts() -> int:
    """How many parts of a batch a process takes one after another."""
    return 1 if _share is None else _share.parts


def first_part() -> bool:
    """Whether the part at hand is this process's first of the batch."""
    return parts() == 1 or (_share is not None and _share.index == rank() * _share.parts)


def last_part() -> bool:
    """Whether the part at hand is this process's last of the batch."""
    return parts() == 1 or (_share is not None and _share.index == (rank() + 1) * _share.parts - 1)


def groups_nest(groups: int, shares: int) -> bool:
    """Whether each share holds whole groups, or each group whole shares."""
    return groups % shares == 0 or shares % groups == 0


def shares() -> int:
    """Among how many processes a batch is shared out at the moment."""
    return 1 if _share is None else _share.count


def own(whole: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "rows *rest"]:
    """This process's rows of a whole batch."""
    return whole if _share is None else whole.chunk(_share.count)[_share.index]


def own_of_joined(whole: Shaped[Tensor, "joined *rest"]) -> Shaped[Tensor, "rows *rest"]:
    """This process's rows of several whole batches that were joined: of each batch its share, joined again."""
    if shares() == 1:
        return whole
    assert _share is not None
    return whole.unflatten(0, (-1, _share.count, _share.rows))[:, _share.index].flatten(0, 1)


def whole_like(x: Shaped[Tensor, "rows *rest"]) -> Shaped[Tensor, "batch *rest"]:
    """An empty tensor for the whole batches (one, or several joined) of which x holds the own rows; alone, x itself."""
    return x if shares() == 1 else x.new_empty(shares() * len(x), *x.shape[1:])


def averaged(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The mean over the processes; differentiable any number of times."""
    return _summed(x) / processes() if _share is not None and processes() > 1 else x


def _summed(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)
    return total


# What couples a batch does so within each of its groups: `group_count` of them in a share, or one that several
# processes hold together. The functions from here to `var_mean` are about one such group.


def group_count() -> int:
    """How many groups of coupled examples a batch in this process consists of."""
    return 1 if _share is None else _share.groups


def groups(batch: Shaped[Tensor, "rows *rest"]) -> tuple[Tensor, ...]:
    """A batch's groups, whole or this process's part of one."""
    return (batch,) if group_count() == 1 else batch.chunk(group_count())


def in_groups(compute: Callable[..., Sequence[Tensor]], *batches: Tensor) -> list[Tensor]:
    """What `compute` makes of batches, given one group of each at a time; the groups joined again."""
    if group_count() == 1:
        return list(compute(*batches))
    made = [compute(*parts) for parts in zip(*map(groups, batches), strict=True)]
    return [torch.cat(parts) for parts in zip(*made, strict=True)]


def partners() -> int:
    """How many processes hold a group together."""
    if _share is None or _share.partners == 1:
        return 1
    assert _share.parts == 1, "a group that is not within a part"
    return _share.partners


def own_in_group(group: Shaped[Tensor, "group *rest"]) -> Shaped[Tensor, "rows *rest"]:
    """This process's rows of a group."""
    if partners() == 1:
        return group
    assert _share is not None
    return group.chunk(_share.partners)[_share.index % _share.partners]


def gathered(x: Float[Tensor, "rows *rest"]) -> Float[Tensor, "group *rest"]:
    """The group of which x is this process's part; differentiable any number of times."""
    if partners() == 1:
        return x
    assert _share is not None
    before, after = _share.index * len(x), (_share.count - 1 - _share.index) * len(x)
    padding = [x.new_zeros(count, *x.shape[1:]) for count in (before, after)]
    whole = _summed(torch.cat([padding[0], x, padding[1]]))
    return whole.chunk(_share.count // _share.partners)[_share.index // _share.partners]


def group_mean(x: Float[Tensor, "rows *rest"]) -> Float[Tensor, "*rest"]:
    """The mean of a group's examples, of which x is this process's part; differentiable any number of times."""
    mean = x.mean(0)
    return mean if partners() == 1 else gathered(mean[None]).mean(0)


def var_mean(x: Float[Tensor, "*shape"], axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The (biased) variance and the mean over `axes`, groups taken whole; differentiable any number of times."""
    variance, mean = torch.var_mean(x, list(axes), correction=0)
    if partners() == 1:
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
    if _share is None or processes() == 1:
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


def dealt(parts: Iterator[Tensor], work: Callable[[Tensor], Tensor]) -> Tensor:
    """`work` of each part, joined in order, done by the processes in turn; only the first has the others' too."""
    own = [work(part).cpu() for number, part in enumerate(parts) if number % processes() == rank()]
    if processes() == 1:
        return torch.cat(own)
    hands: list[Any] | None = [None] * processes() if leads() else None
    with _noticing_loss():
        dist.gather_object(own, hands)
    dealt_out = [own] if hands is None else hands
    count = len(dealt_out)
    return torch.cat([dealt_out[k % count][k // count] for k in range(sum(map(len, dealt_out)))])


def _by_dtype(tensors: list[Tensor]) -> list[list[Tensor]]:
    found: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        found.setdefault(tensor.dtype, []).append(tensor)
    return list(found.values())


def _write(flat: Tensor, tensors: list[Tensor]) -> None:
    for tensor, values in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(values.view(tensor.shape))
