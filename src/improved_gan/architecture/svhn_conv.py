"""SVHN (section 5.3): CIFAR-10's pair, whose widths and pixels conf/architecture/svhn_conv.yaml changes."""

from improved_gan.architecture.cifar10_conv import ARCHITECTURE

__all__ = ["ARCHITECTURE"]
