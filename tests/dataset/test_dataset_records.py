"""Every source of data is one file that holds one record, and is read without torch."""

import subprocess
import sys

from improved_gan.dataset.source import datasets


def test_every_source_is_imported_without_torch() -> None:
    code = "import sys; from improved_gan.dataset.source import datasets; datasets(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_a_record_says_where_its_set_is_found() -> None:
    assert {"npz", "image_folder", "points", "torchvision"} <= datasets().keys()
    assert all((record.find is None) != (record.read is None) for record in datasets().values())
    assert [name for name, record in datasets().items() if record.path] == ["image_folder", "npz"]
