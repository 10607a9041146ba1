"""The machine's floor under our two steps: their products and convolutions alone, each at its best measured rate."""

import itertools
import time
from collections.abc import Callable

import torch
from torch.nn import functional

UNITS = (784, 1000, 500, 250, 250, 250, 10)


def best_product(m: int, k: int, n: int, dtype: torch.dtype) -> float:
    """Milliseconds of one (m, k) x (k, n) product at its best measured rate."""
    left, right = torch.rand(m, k).to(dtype), torch.rand(k, n).to(dtype)
    times = []
    for _ in range(15):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def mnist_floor(precision: str) -> float:
    """Milliseconds of the step's own matrix products, plus the optimizers' bytes at the measured memory rate."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    layers = list(itertools.pairwise(UNITS))
    generator = [(100, 500), (500, 500), (500, 784)]

    def passes(shapes: list[tuple[int, int]], rows: int, *, weights: bool, inputs: bool) -> float:
        total = 0.0
        for number, (fan_in, fan_out) in enumerate(shapes):
            total += best_product(rows, fan_in, fan_out, dtype)
            if inputs or (weights and number > 0):
                total += best_product(rows, fan_out, fan_in, dtype)
            if weights:
                total += best_product(fan_out, rows, fan_in, dtype)
        return total

    products = passes(layers, 300, weights=True, inputs=False) + passes(generator, 100, weights=False, inputs=False)
    products += passes(generator, 100, weights=True, inputs=False)
    products += passes(layers[:-1], 100, weights=False, inputs=True) + passes(
        layers[:-1], 100, weights=False, inputs=False
    )
    parameters = sum(i * o for i, o in (*layers, *generator))
    return products + adam_milliseconds(parameters)


def adam_milliseconds(parameters: int) -> float:
    """Adam reads four arrays and writes three: their bytes at the rate of the best copy."""
    source = torch.rand(parameters)
    target, times = torch.empty_like(source), []
    for _ in range(20):
        started = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - started)
    return 1000 * min(times) * 7 / 2


def cifar10_floor(precision: str) -> float:
    """The discriminator's and generator's convolutions, forward and backward, each alone, at its best layout's rate."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    w, n = 192, 96
    trunk = [(3, n, 32, 3, 1, 1), (n, n, 32, 3, 1, 1), (n, n, 32, 3, 2, 1), (n, w, 16, 3, 1, 1), (w, w, 16, 3, 1, 1)]
    trunk += [(w, w, 16, 3, 2, 1), (w, w, 8, 3, 1, 0), (w, w, 6, 1, 1, 0), (w, w, 6, 1, 1, 0)]
    total = 0.0
    for inputs, outputs, side, kernel, stride, padding in trunk:

        def forward(x: torch.Tensor, weight: torch.Tensor, s: int = stride, p: int = padding) -> torch.Tensor:
            return functional.conv2d(x, weight, stride=s, padding=p)

        weight_shape, image = (outputs, inputs, kernel, kernel), (inputs, side, side)
        total += convolution(forward, (300, *image), weight_shape, dtype, weights=True, images=inputs > 3)
        total += 3 * convolution(forward, (100, *image), weight_shape, dtype, weights=False, images=True)
    for inputs, outputs, side in ((512, 256, 4), (256, 128, 8), (128, 3, 16)):

        def upsample(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            return functional.conv_transpose2d(x, weight, stride=2, padding=2, output_padding=1)

        shapes = (200, inputs, side, side), (inputs, outputs, 5, 5)
        total += convolution(upsample, *shapes, dtype, weights=False, images=False)
        total += 3 * convolution(upsample, *shapes, dtype, weights=True, images=True)
    return total


def convolution(
    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    image: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: torch.dtype,
    *,
    weights: bool,
    images: bool,
) -> float:
    """Milliseconds of one convolution and the gradients asked for, in the better of two memory layouts."""
    best = float("inf")
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.rand(image).to(dtype).contiguous(memory_format=layout).requires_grad_(images)
        v = torch.rand(weight).to(dtype).contiguous(memory_format=layout).requires_grad_(weights)
        for _ in range(3):
            started = time.perf_counter()
            y = forward(x, v)
            if weights or images:
                torch.autograd.grad(y, [t for t in (x, v) if t.requires_grad], torch.ones_like(y))
            best = min(best, time.perf_counter() - started)
    return 1000 * best
