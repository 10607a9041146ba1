"""The Wasserstein distance with a gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028).

The losses are `wasserstein`'s; conf/objective/wasserstein_gp.yaml bounds the critic by technique.gradient_penalty.
"""

from improved_gan.objective.wasserstein import OBJECTIVE

__all__ = ["OBJECTIVE"]
