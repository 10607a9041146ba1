"""Kernel inception distance (arXiv 1801.01401): unbiased MMD^2 with the kernel (x.y / d + 1)^3, by torch-fidelity."""

from jaxtyping import Float
from torch import Tensor

from improved_gan.metrics.inputs import MetricInputs, Score

TORCH_FIDELITY_SEED = 2020  # of the subsets: its command and ours draw the same


def kernel_distance(
    samples: Float[Tensor, "n feature"], reference: Float[Tensor, "m feature"], *, subsets: int, subset_size: int
) -> tuple[float, float]:
    """Mean and standard deviation over `subsets` random subsets; about 0, of either sign, for equal distributions."""
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    result = kid_features_to_metric(
        samples,
        reference,
        kid_subsets=subsets,
        kid_subset_size=subset_size,
        rng_seed=TORCH_FIDELITY_SEED,
        verbose=True,  # a bar on stderr
    )
    return result[KEY_METRIC_KID_MEAN], result[KEY_METRIC_KID_STD]


def kernel_inception_distance(inputs: MetricInputs) -> Score:
    """`kernel_inception_distance`; subsets as the protocol says, smaller where there are fewer images."""
    ours, real, reference = inputs.features("inception"), inputs.reference_features("inception"), inputs.reference
    assert ours.values is not None and real.values is not None and reference is not None
    wanted, subsets = inputs.options["kid_subset_size"], inputs.options["kid_subsets"]
    size = min(wanted, len(ours.values), len(real.values))
    value, spread = kernel_distance(ours.values, real.values, subsets=subsets, subset_size=size)
    return Score(
        value,
        spread,
        f"{subsets} subsets of {size}",
        network=ours.network,
        reference=reference.name,
        reference_samples=len(reference),
        split=reference.split,
        warning=f"subsets of {size}, not {wanted}: too few images" if size < wanted else None,
        details={"subsets": subsets, "subset_size": size},
    )
