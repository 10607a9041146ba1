"""Networks that judge work in IEEE fp32, and by cuDNN where there is a GPU."""

import pytest
import torch

from improved_gan.exact_arithmetic import exact_fp32


def settings() -> tuple[bool, ...]:
    cudnn = torch.backends.cudnn
    return cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("tf32", [False, True])
def test_cudnn_stays_on_inside_and_tensorfloat_32_is_off(tf32: bool) -> None:
    products = torch.backends.cuda.matmul
    default = products.allow_tf32
    try:
        products.allow_tf32 = tf32
        before = settings()
        with exact_fp32():
            enabled, benchmark, deterministic, in_convolutions, in_products = settings()
        assert enabled and not in_convolutions and not in_products
        assert (enabled, benchmark, deterministic) == before[:3]
        assert settings() == before
    finally:
        products.allow_tf32 = default


def test_settings_come_back_after_an_error() -> None:
    before = settings()
    with pytest.raises(ZeroDivisionError), exact_fp32():
        raise ZeroDivisionError
    assert settings() == before
