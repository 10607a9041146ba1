"""Generator and discriminator pairs, one file a published pair; importable without torch.

What couples them to the techniques (the generator's normalisation, the discriminator's minibatch layer) is handed in.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any

from improved_gan.architecture.record import Architecture, Layer, Normalisation
from improved_gan.nodes import ArchitectureConfig
from improved_gan.schema import UsageError

__all__ = ["Architecture", "architectures", "build_discriminator", "build_generator", "check_architecture"]


@cache
def architectures() -> dict[str, Architecture]:
    """Every pair's record, by the name of its file."""
    modules = {one.name: importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)}
    return {name: module.ARCHITECTURE for name, module in modules.items() if hasattr(module, "ARCHITECTURE")}


def check_architecture(config: ArchitectureConfig, run: Any) -> None:
    """Raise `UsageError` for a size that the named pair cannot have."""
    record, shape = architectures()[config.name], list(config.image_shape)
    if record.side is not None and shape[1:] != [record.side, record.side]:
        wanted = f"[channels, {record.side}, {record.side}]"
        raise UsageError(f"architecture.image_shape={shape}: {config.name} wants {wanted}")
    if record.check is not None:
        record.check(config, run)


def build_generator(config: ArchitectureConfig, normalisation: Normalisation | None = None) -> Any:
    """The generator that the config names, normalised by `normalisation`; by default by each batch's own statistics."""
    if normalisation is None:
        from improved_gan.layers.batch_norm import BatchNorm

        normalisation = BatchNorm
    return architectures()[config.name].generator(config, normalisation)


def build_discriminator(config: ArchitectureConfig, outputs: int, layer: Layer | None = None) -> Any:
    """The discriminator that the config names, with that many logits and this layer before its head."""
    return architectures()[config.name].discriminator(config, outputs, layer)
