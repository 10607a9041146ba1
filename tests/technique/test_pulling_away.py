"""The pulling-away term against its formula: loops, float64, gradients included."""

import torch
from formulas import mean, same

from improved_gan.technique import pulling_away


def test_the_pulling_away_term_is_its_formula() -> None:
    codes = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    terms = [
        ((a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())) ** 2
        for i, a in enumerate(codes)
        for j, b in enumerate(codes)
        if i != j
    ]
    same(pulling_away.pulling_away_term(0.3, codes), 0.3 * mean(terms), codes)
