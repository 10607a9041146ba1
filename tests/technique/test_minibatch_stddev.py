"""Minibatch standard deviation against its formula: loops, float64, gradients included."""

import torch
from formulas import draws

from improved_gan.layers.minibatch_stddev import MinibatchStddev


def test_the_standard_deviation_is_its_formula() -> None:
    batches = [draws(5, 3).requires_grad_(), draws(2, 3, seed=1).requires_grad_()]
    layer = MinibatchStddev(3)
    for batch, found in zip(batches, layer(*batches), strict=True):
        deviations = []
        for column in batch.T:
            mean = sum(column) / len(column)
            deviations.append((sum((x - mean) ** 2 for x in column) / len(column) + 1e-8).sqrt())
        expected = sum(deviations) / 3
        assert torch.equal(found[:, :3], batch) and found.shape[1] == layer.out_features == 4
        for value in found[:, 3]:
            torch.testing.assert_close(value, expected)
        weights = draws(len(batch), seed=5)
        values = (weights @ found[:, 3], weights.sum() * expected)
        torch.testing.assert_close(*(torch.autograd.grad(value, batch, retain_graph=True)[0] for value in values))
