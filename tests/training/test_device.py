import pytest
import torch

from improved_gan.training.device import has_fast_bf16, multiplies_fast_in_bf16


@pytest.mark.parametrize(
    ("cpu", "fast"),
    [
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, True),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": False}, False),
        ({"cpu_name": "AMD Zen 4", "avx512_bf16": True, "amx_bf16": False}, True),
        ({"cpu_name": "AMD Zen 2", "avx512_bf16": False, "amx_bf16": False}, False),
        ({"cpu_name": "ARM Neoverse N1"}, False),
    ],
)
def test_bf16_is_fast_with_amx_or_on_amd(cpu, fast):
    assert multiplies_fast_in_bf16(cpu) is fast


def test_this_cpu_is_asked():
    if not torch.cpu._is_avx512_bf16_supported():
        assert not has_fast_bf16(torch.device("cpu"))
    if torch.cpu._is_amx_tile_supported():
        assert has_fast_bf16(torch.device("cpu"))
