"""Each check is of a whole process, so each is a process of its own."""

import subprocess
import sys

import pytest
import torch

PREAMBLE = "import resource, torch; from improved_gan.training.device import fast_training; torch.set_num_threads(2)\n"


def says(program: str) -> str:
    return subprocess.run([sys.executable, "-c", PREAMBLE + program], check=True, capture_output=True, text=True).stdout


@pytest.mark.integration
@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this CPU does not flush denormals")
def test_denormals_are_flushed_inside_by_every_thread():
    program = """
x = torch.tensor(1e-30).expand(200_000)
with fast_training():
    inside = x * 1e-10
print(int(inside.count_nonzero()), bool((x[:10] * 1e-10).all()))
"""
    assert says(program) == "0 True\n"


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_memory_is_found_mapped_again():
    program = """
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(50_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
without = faults()
with fast_training():
    faults()
    print(faults() < without / 10)
"""
    assert says(program) == "True\n"
