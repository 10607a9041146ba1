"""What a run costs: operations of a step, counted without doing any, and the most memory that was held."""

import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from improved_gan.config import Config
from improved_gan.layers.minibatch_discrimination import JointMinibatchDiscrimination, MinibatchDiscrimination
from improved_gan.training.balance import AdaptiveBalance
from improved_gan.training.batches import Batch
from improved_gan.training.builder import build_gan
from improved_gan.training.gan import GAN
from improved_gan.training.step import discriminator_step, generator_step, step_of

OPERATIONS_A_DISTANCE = 3  # a coordinate's: difference, absolute value, sum; going back as many


def flops_of_step(config: Config, classes: int | None) -> int:
    """Floating-point operations of one whole step, on tensors without content: so the same on every machine.

    Matrix products and direct convolutions, forward and back, as PyTorch counts them (a product and a sum are two), and
    the distances of minibatch discrimination, all pairs, which it counts as none. Nothing else: it is small.
    """
    device, training = torch.device("meta"), config.training
    with torch.random.fork_rng(devices=[]):
        pair = build_gan(config, classes, device)
        pair.balance = AdaptiveBalance(None)  # which would read how the discriminator does
        batch = _empty_batch(config, pair, device)
        distances = _Distances(pair.discriminator)
        update = step_of(pair, training.updates)
        with _Products() as products:  # the generator's first: unrolling reads how often the other has moved
            for _ in range(training.generator_steps if update is discriminator_step else 0):
                generator_step(pair, batch.real)
            for _ in range(training.discriminator_steps):
                update(pair, batch)
    return products.flops + distances.flops


def _empty_batch(config: Config, pair: GAN, device: torch.device) -> Batch:
    channels, *sides = config.architecture.image_shape
    size = config.training.batch_size
    real = torch.empty(size // pair.pack, channels * pair.pack, *sides, device=device)
    labels = torch.empty(len(real), dtype=torch.int64, device=device)
    objective = pair.objective
    if objective.labelled_loss is None or config.objective.fully_labelled:
        return Batch(real, labels, None, None)
    return Batch(real, labels, torch.empty(size, channels, *sides, device=device), labels.new_empty(size))


class _Products(TorchDispatchMode):
    """Adds up what products and convolutions do (torch's FlopCounterMode bars gradients within a loss)."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=made)
        return made


class _Distances:
    """Adds up what the minibatch layers of a network do at every pass, while it is there."""

    def __init__(self, network: nn.Module) -> None:
        self.flops = 0
        for layer in network.modules():
            if isinstance(layer, MinibatchDiscrimination | JointMinibatchDiscrimination):
                layer.register_forward_hook(self._add)

    def _add(self, layer: nn.Module, batches: tuple[Tensor, ...], made: object) -> None:
        sizes = [len(batch) for batch in batches]
        if isinstance(layer, MinibatchDiscrimination):
            pairs, dims = sum(size**2 for size in sizes), layer.projection[0].numel()
        else:
            assert isinstance(layer, JointMinibatchDiscrimination)
            pairs, dims = sum(sizes) * sum((sizes * 2)[:2]), layer.kernels * layer.dims
        ways = 2 if torch.is_grad_enabled() else 1
        self.flops += ways * OPERATIONS_A_DISTANCE * pairs * dims


def peak_memory(device: torch.device) -> dict[str, int]:
    """The most bytes that this process has held so far, by `host` and, on a GPU, `device`."""
    held: dict[str, int] = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        held["host"] = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if device.type == "cuda":
        held["device"] = torch.cuda.max_memory_allocated(device)
    return held


def images_per_second(metrics: list[dict[str, Any]]) -> float | None:
    """The median of what a run's metrics.jsonl has logged; none, if nothing."""
    rates = sorted(float(line["images_per_second"]) for line in metrics if "images_per_second" in line)
    return rates[len(rates) // 2] if rates else None
