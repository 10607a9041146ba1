"""Each pair is one file whose record says what it is made for before anything is built, and without torch."""

import subprocess
import sys

import pytest

from improved_gan.architecture import architectures
from improved_gan.composing import compose_jobs, groups
from improved_gan.config import UsageError


def test_every_pair_is_imported_without_torch() -> None:
    check = "import sys; from improved_gan.architecture import architectures; architectures()"
    done = subprocess.run([sys.executable, "-c", f"{check}; sys.exit('torch' in sys.modules)"], check=False)
    assert done.returncode == 0


def test_every_architecture_of_conf_is_of_a_pair_that_there_is() -> None:
    named = {
        compose_jobs([f"architecture={name}", "job=prepare"])[0].config.architecture.name
        for name in groups()["architecture"]
    }
    assert named == set(architectures())


def test_a_size_that_a_pair_cannot_have_is_refused_before_anything_is_built() -> None:
    asked = ["dataset=image_folder", "dataset.path=.", "dataset.image_shape=[3,128,128]", "objective=non_saturating"]
    with pytest.raises(UsageError, match=r"architecture\.width=7: imagenet_dcgan halves its channels"):
        compose_jobs([*asked, "architecture=imagenet_dcgan", "architecture.width=7", "technique=none"])
