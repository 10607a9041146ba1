import os
from collections.abc import Iterator

import pytest
import torch
from small_runs import small_trainer

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.devices import has_fast_bf16, multiplies_fast_in_bf16
from improved_gan.training.builder import build_gan
from improved_gan.training.device import _set_determinism, prepare_arithmetic


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


@pytest.fixture
def settings_come_back() -> Iterator[None]:
    cudnn, products, deterministic = torch.backends.cudnn, torch.backends.cuda.matmul, torch.utils.deterministic
    kept = cudnn.allow_tf32, cudnn.benchmark, products.allow_tf32, deterministic.fill_uninitialized_memory
    yield
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    cudnn.allow_tf32, cudnn.benchmark, products.allow_tf32, deterministic.fill_uninitialized_memory = kept
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("settings_come_back")
@pytest.mark.parametrize(
    ("precision", "tf32", "rounded_to"), [("fp32", False, None), ("tf32", True, None), ("bf16", False, torch.bfloat16)]
)
def test_precision_is_that_of_products_and_convolutions_alike(precision, tf32, rounded_to):
    torch.backends.cudnn.allow_tf32 = not tf32
    config = compose_jobs(["device=cpu", f"training.precision={precision}"])[0].config
    gan = build_gan(config, 10, prepare_arithmetic(config))
    assert torch.backends.cudnn.allow_tf32 is tf32 and torch.backends.cuda.matmul.allow_tf32 is tf32
    for network in (gan.generator, gan.discriminator):
        told = [layer.rounded_to for layer in network.modules() if hasattr(layer, "rounded_to")]
        assert told and set(told) == {rounded_to}


@pytest.mark.usefixtures("settings_come_back")
@pytest.mark.parametrize("deterministic", [True, False])
def test_a_gpu_is_deterministic_or_as_fast_as_it_can_be(deterministic):
    _set_determinism(deterministic)
    assert torch.are_deterministic_algorithms_enabled() is deterministic
    assert torch.backends.cudnn.benchmark is not deterministic
    assert not torch.utils.deterministic.fill_uninitialized_memory


def test_what_auto_stands_for_is_settled_before_the_hash():
    auto, fp32, bf16 = (compose_jobs(["device=cpu", f"training.precision={p}"])[0] for p in ("auto", "fp32", "bf16"))
    assert auto.config.training.precision == "fp32" and auto.digest == fp32.digest != bf16.digest
    learns = compose_jobs(["device=cpu", "architecture.learns_in_bf16=true"])[0].config.training.precision
    assert learns == ("bf16" if has_fast_bf16(torch.device("cpu")) else "fp32")


def test_a_cpu_has_no_tensorfloat_32():
    with pytest.raises(UsageError, match=r"training\.precision=tf32"):
        small_trainer("device=cpu", "training.precision=tf32")
