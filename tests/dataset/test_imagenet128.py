import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from imagenet_folder import damaged, write_images
from PIL import Image, ImageOps

from improved_gan import dataset
from improved_gan.config import UsageError
from improved_gan.dataset import decoded_parts
from improved_gan.nodes import DatasetConfig

Configure = Callable[..., DatasetConfig]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three classes of seven training images and one of each for testing, in ImageNet's layout."""
    source, folder = np.random.default_rng(0), tmp_path / "data" / "ILSVRC2012"
    pixels = source.integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    train = write_images(pixels[:21], [1, 5, 9] * 7, folder / "train", shortest=20, longest=60)
    write_images(pixels[21:], [1, 5, 9], folder / "val", shortest=20, longest=60)
    return train


def load(configure: Configure, tmp_path: Path, **changes: object) -> dataset.PreparedDataset:
    changes = {"image_shape": [3, 16, 16], **changes}
    return dataset.load(configure("imagenet128", **changes), tmp_path / "data")


def test_wordnet_folders_become_classes_and_val_the_test_split(
    files: list[Path], tmp_path: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = load(configure, tmp_path, classes=None)
    assert loaded.class_names == ("n00000001", "n00000005", "n00000009") and loaded.classes == 3
    assert loaded.train.images.shape == (21, 3, 16, 16) and isinstance(loaded.train.images, np.memmap)
    assert loaded.train.labels is not None and loaded.train.labels.tolist() == sorted([0, 1, 2] * 7)
    assert loaded.test is not None and loaded.test.labels is not None and loaded.test.labels.tolist() == [0, 1, 2]
    assert "train holds 21 images of 3 classes; ILSVRC2012 has 1,281,167 of 1,000" in caplog.text


def test_each_image_is_cropped_at_its_centre_and_resized_bilinearly(
    files: list[Path], tmp_path: Path, configure: Configure
) -> None:
    images = load(configure, tmp_path).train.images
    for path, pixels in zip(sorted(files, key=lambda path: (path.parent, path.name)), images, strict=True):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        expected = image.resize((16, 16), Image.Resampling.BILINEAR, box=box)
        np.testing.assert_array_equal(pixels.transpose(1, 2, 0), np.asarray(expected))


def test_part_of_the_classes_fits_networks_made_for_a_thousand(
    files: list[Path], tmp_path: Path, configure: Configure
) -> None:
    loaded = load(configure, tmp_path)
    assert loaded.classes == 1000 and loaded.class_names is None


def test_all_damaged_files_are_named_and_the_rest_is_not_read_again(
    files: list[Path], tmp_path: Path, cache_folder: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded_parts, "PART", 2)
    spoiled = list(damaged([path for path in files if "n00000005" in str(path)][:4]))
    store = tmp_path / "data" / "prepared"
    with pytest.raises(UsageError, match=r"^dataset=imagenet128: .* and 1 more\. .*mend or delete") as complaint:
        load(configure, tmp_path)
    assert "\n" not in str(complaint.value)
    listed = (store / ".imagenet128.parts" / "damaged.txt").read_text()
    assert all(f"{path} is no readable image" in listed for path in spoiled) and len(listed.splitlines()) == 4
    assert not [path for path in store.iterdir() if (path / "dataset.json").exists()]
    for path in spoiled:
        path.unlink()
    for path in files:
        if path.parent.name != "n00000005":  # known by size and time: decoded before, and not opened again
            status = path.stat()
            path.write_bytes(bytes(status.st_size))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    loaded = load(configure, tmp_path)
    assert len(loaded.train.images) == 17 and (loaded.train.images.reshape(17, -1).std(1) > 0).all()
    assert sorted(path.name[:12] for path in store.iterdir()) == ["imagenet128-"]  # and nothing else


def test_the_prepared_form_alone_will_do(files: list[Path], tmp_path: Path, configure: Configure) -> None:
    checksum = load(configure, tmp_path).checksum
    shutil.rmtree(tmp_path / "data" / "ILSVRC2012")
    assert load(configure, tmp_path).checksum == checksum
    with pytest.raises(UsageError, match=r"^data_root=.*holds neither .* nor imagenet128 prepared; unpack"):
        load(configure, tmp_path, image_shape=[3, 32, 32])


def test_what_is_not_in_the_layout_is_refused(files: list[Path], tmp_path: Path, configure: Configure) -> None:
    folder = tmp_path / "data" / "ILSVRC2012"
    (folder / "val" / "n00000001").rename(folder / "val" / "n00000002")
    with pytest.raises(UsageError, match="holds classes that train does not: n00000002"):
        load(configure, tmp_path)
    shutil.rmtree(folder / "train")
    with pytest.raises(UsageError, match=r"^data_root="):
        load(configure, tmp_path)


def test_val_without_class_folders_is_no_test_split(
    files: list[Path], tmp_path: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    val = tmp_path / "data" / "ILSVRC2012" / "val"
    for path in list(val.glob("*/*")):
        path.rename(val / path.name)
        path.parent.rmdir()
    assert load(configure, tmp_path).test is None
    assert "no test split; val/nXXXXXXXX with a folder a class would be one" in caplog.text


def test_an_image_more_is_noticed(files: list[Path], tmp_path: Path, configure: Configure) -> None:
    first = load(configure, tmp_path).checksum
    shutil.copy(files[0], files[0].with_name("n00000001_more.JPEG"))
    again = load(configure, tmp_path)
    assert again.checksum != first and len(again.train.images) == 22


@pytest.mark.integration
def test_killed_while_preparing_it_goes_on_where_it_was(
    files: list[Path], tmp_path: Path, configure: Configure
) -> None:
    expected = load(configure, tmp_path)
    shutil.rmtree(expected.folder)
    last = tmp_path / "data" / "ILSVRC2012" / "train" / "n00000009" / files[-1].name
    content = last.read_bytes()
    last.unlink()
    os.mkfifo(last)  # whoever reads it waits
    asked = ["job=prepare", "dataset=imagenet128", "dataset.image_shape=[3,16,16]", f"data_root={tmp_path / 'data'}"]
    line = [sys.executable, "-m", "improved_gan", *asked]
    store = tmp_path / "data" / "prepared"
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(store.glob(".imagenet128.parts/[!.]*.npy"))) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list(store.glob("imagenet128-*"))
    with suppress(OSError):  # nobody may be left that waits
        os.close(os.open(last, os.O_WRONLY | os.O_NONBLOCK))
    last.unlink()
    last.write_bytes(content)
    for path in files:
        if path.parent != last.parent:  # known by size and time: decoded before, and not opened again
            status = path.stat()
            path.write_bytes(bytes(status.st_size))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load(configure, tmp_path, classes=1000).checksum == expected.checksum
    assert [path.name[:12] for path in store.iterdir()] == ["imagenet128-"]
