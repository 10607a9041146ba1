"""All that this package takes from Hydra's private modules, in one place: why pyproject.toml has `hydra-core<1.4`."""

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

split_arguments = BasicSweeper.split_arguments
apply_overrides = ConfigLoaderImpl._apply_overrides_to_config

__all__ = ["Callbacks", "apply_overrides", "split_arguments"]
