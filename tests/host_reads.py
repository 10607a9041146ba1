"""What makes a GPU and the CPU wait for one another, counted on any machine."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

READS = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2")
BY_MASK = ("index", "index_put", "index_put_", "_unsafe_index")  # a mask's size is read, and shows as no `nonzero`


class HostReads(TorchDispatchMode):
    """Counts what has to wait for a value, and what moves between devices, by the operation's name."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        indices = [index for index in args[1] if index is not None] if name in BY_MASK else []
        if name in READS or any(index.dtype in (torch.bool, torch.uint8) for index in indices):
            self.reads[name] += 1
        if any(index.device != args[0].device for index in indices):  # uploaded at every use
            self.moves[name] += 1
        result = func(*args, **kwargs)
        if name == "_to_copy" and result.device != args[0].device:
            self.moves[name] += 1
        if name == "copy_" and isinstance(args[1], Tensor) and args[0].device != args[1].device:
            self.moves[name] += 1
        return result
