"""Weight normalisation, W = g v / sqrt(epsilon + |v|²) per output unit, and its data-dependent initialisation.

Salimans and Kingma 2016 (arXiv 1602.07868) equations 2 and 5 to 6, with the authors' epsilon. The gain g is a trained
parameter only where a layer says so; elsewhere it is a buffer that the initialisation sets once.
"""

from typing import Required, TypedDict, Unpack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from improved_gan.kernels.matmul import conv2d, conv_transpose2d, linear
from improved_gan.kernels.weight_norm_linear import normalised_linear
from improved_gan.layers.products import Conv2d, Linear


class WeightNormOptions(TypedDict, total=False):
    """What every weight-normalised layer can be told."""

    std: Required[float]  # of v's initial N(0, std²)
    epsilon: float  # under the root
    train_gain: bool
    init_std: float | None  # of the pre-activations after data-dependent initialisation; None: takes no part


class WeightNorm(nn.Module):
    """What the weight-normalised layers share; a subclass says what product its weight takes part in.

    `direction` is v, drawn from N(0, std²); `gain` is g, starting at 1; `bias` is trained and starts at 0. A
    layer with an `init_std` takes part in `data_dependent_initialisation`.
    """

    gain: Tensor
    output_axis = 0
    rounded_to: torch.dtype | None = None  # the factors of products

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        std: float,
        epsilon: float = 1e-6,
        train_gain: bool = False,
        init_std: float | None = 1.0,
    ) -> None:
        super().__init__()
        outputs = shape[self.output_axis]
        self.epsilon = epsilon
        self.init_std = init_std
        self.initialising = False
        self.direction = nn.Parameter(torch.empty(shape).normal_(std=std))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if train_gain:
            self.gain = nn.Parameter(torch.ones(outputs))
        else:
            self.register_buffer("gain", torch.ones(outputs))

    def weight(self) -> Float[Tensor, "*shape"]:
        """g v / sqrt(epsilon + |v|²), each output unit's part of v by its own length."""
        shape = [1] * self.direction.ndim
        shape[self.output_axis] = -1
        return self.direction * self.factor().view(shape)

    def factor(self) -> Float[Tensor, " output"]:
        """g / sqrt(epsilon + |v|²), which v is multiplied by."""
        axes = [axis for axis in range(self.direction.ndim) if axis != self.output_axis]
        return self.gain * torch.rsqrt(self.direction.square().sum(axes) + self.epsilon)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's pre-activations under this weight."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "batch *input"]) -> Float[Tensor, "batch output *space"]:
        """Pre-activations; while `initialising`, those that the gain and bias set from this very batch give."""
        if self.initialising and self.init_std is not None:
            return self._initialise(self.product(x, self.weight(), None), self.init_std)
        return self.preactivations(x)

    def preactivations(self, x: Tensor) -> Tensor:
        """The product with the normalised weight, plus the bias."""
        return self.product(x, self.weight(), self.bias)

    def _initialise(self, product: Tensor, init_std: float) -> Tensor:
        axes = [axis for axis in range(product.ndim) if axis != 1]
        variance, mean = torch.var_mean(product, axes, correction=0, keepdim=True)
        std = variance.sqrt()
        factor = torch.where(std > 0, init_std / std, 1.0)  # a unit that nothing reaches is left alone
        self.gain.mul_(factor.view_as(self.gain))
        self.bias.copy_((-mean * factor).view_as(self.bias))
        return (product - mean) * factor

    def extra_repr(self) -> str:
        return f"{tuple(self.direction.shape)}, train_gain={isinstance(self.gain, nn.Parameter)}"


class WeightNormLinear(WeightNorm):
    """A weight-normalised dense layer; v is (outputs, inputs)."""

    def __init__(self, inputs: int, outputs: int, **options: Unpack[WeightNormOptions]) -> None:
        super().__init__((outputs, inputs), **options)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + b."""
        return linear(x, weight, bias, self.rounded_to)

    def plain(self) -> Linear:
        """The same layer without the norm."""
        outputs, inputs = self.direction.shape
        layer = Linear(inputs, outputs)
        layer.weight, layer.bias = self.direction, self.bias
        return layer

    def preactivations(self, x: Tensor) -> Tensor:
        """(x v^T) g / |v| + b: the outputs are fewer than the weights, so it is they that are scaled."""
        return normalised_linear(x, self.direction, self.gain, self.bias, self.epsilon, self.rounded_to)


class WeightNormConv2d(WeightNorm):
    """A weight-normalised convolution; v is (outputs, inputs, kernel, kernel)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        **options: Unpack[WeightNormOptions],
    ) -> None:
        super().__init__((outputs, inputs, kernel, kernel), **options)
        self.stride = stride
        self.padding = padding

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution."""
        return conv2d(x, weight, bias, self.stride, self.padding, self.rounded_to)

    def plain(self) -> Conv2d:
        """The same layer without the norm."""
        outputs, inputs, kernel, _ = self.direction.shape
        layer = Conv2d(inputs, outputs, kernel, stride=self.stride, padding=self.padding)
        layer.weight, layer.bias = self.direction, self.bias
        return layer


class WeightNormConvTranspose2d(WeightNorm):
    """A weight-normalised transposed convolution; v is (inputs, outputs, kernel, kernel)."""

    output_axis = 1

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
        **options: Unpack[WeightNormOptions],
    ) -> None:
        super().__init__((inputs, outputs, kernel, kernel), **options)
        self.stride = stride
        self.padding = padding
        self.output_padding = output_padding

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The transposed convolution."""
        geometry = self.stride, self.padding, self.output_padding
        return conv_transpose2d(x, weight, bias, *geometry, self.rounded_to)


def without_weight_norm(network: nn.Module) -> None:
    """Put plain layers, W = v, in the place of the weight-normalised dense and convolutional layers of `network`."""
    for name, layer in network.named_children():
        if isinstance(layer, WeightNormLinear | WeightNormConv2d):
            setattr(network, name, layer.plain())
        else:
            without_weight_norm(layer)


@torch.no_grad()
def data_dependent_initialisation(network: nn.Module, *inputs: Tensor) -> None:
    """Sets gains and biases so that, for these inputs, pre-activations have mean 0 and the layers' `init_std`.

    One pass in training mode (noise and dropout on), layer after layer, each on what the layers below it now give. Any
    module with an attribute `initialising` takes part: it is true during that pass.
    """
    taking_part = [module for module in network.modules() if hasattr(module, "initialising")]
    if not taking_part:
        return
    was_training = network.training
    network.train()
    for module in taking_part:
        module.initialising = True  # type: ignore[assignment]
    try:
        network(*inputs)
    finally:
        for module in taking_part:
            module.initialising = False  # type: ignore[assignment]
        network.train(was_training)
