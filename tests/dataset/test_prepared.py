import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from improved_gan import dataset
from improved_gan.config import UsageError
from improved_gan.dataset import prepared
from improved_gan.nodes import DatasetConfig

Configure = Callable[..., DatasetConfig]


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / "mine.npz"
    np.savez(
        path,
        x_train=random.integers(0, 256, (3000, 6, 5, 3), dtype=np.uint8),
        y_train=np.arange(3000, dtype=np.uint8)[:, None] % 4,
        x_test=random.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8),
        y_test=np.arange(40) % 4,
    )
    return path


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_prepared_form_holds_the_source_as_uint8_nchw(npz: Path, cache_folder: Path, configure: Configure) -> None:
    source = np.load(npz)
    loaded = dataset.load(configure("npz", path=str(npz)), npz.parent / "no such folder")
    assert (loaded.image_shape, loaded.classes, loaded.class_names) == ((3, 6, 5), 4, None)
    assert isinstance(loaded.train.images, np.memmap) and not loaded.train.images.flags.writeable
    assert loaded.train.labels is not None and loaded.train.labels.dtype == np.int64 and loaded.test is not None
    np.testing.assert_array_equal(loaded.train.images, source["x_train"].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(loaded.train.labels, source["y_train"][:, 0])
    np.testing.assert_array_equal(loaded.test.images, source["x_test"].transpose(0, 3, 1, 2))
    (folder,) = cache_folder.iterdir()
    arrays = [f"{split}_{kind}.npy" for split in ("test", "train") for kind in ("images", "labels")]
    assert files_below(folder) == ["dataset.json", *arrays]
    assert json.loads((folder / "dataset.json").read_text())["source"] == str(npz)


def test_it_lies_beside_the_source_where_that_is_writable(npz: Path, cache_folder: Path, configure: Configure) -> None:
    first = dataset.load(configure("npz", path=str(npz)), npz.parent)
    assert files_below(cache_folder) == [] and len(list((npz.parent / "prepared").iterdir())) == 1
    npz.parent.chmod(0o555)  # read-only now, and still found there
    assert dataset.load(configure("npz", path=str(npz)), npz.parent).checksum == first.checksum
    assert files_below(cache_folder) == []


def test_a_read_only_data_root_is_left_alone(npz: Path, cache_folder: Path, configure: Configure) -> None:
    npz.parent.chmod(0o555)
    dataset.load(configure("npz", path=str(npz)), npz.parent)
    assert files_below(npz.parent) == ["mine.npz"] and len(list(cache_folder.iterdir())) == 1


def test_it_is_prepared_once_and_anew_when_the_source_changes(
    npz: Path, cache_folder: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure("npz", path=str(npz))
    first = dataset.load(config, Path("nowhere"))
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_write", None)
        assert dataset.load(config, Path("nowhere")).checksum == first.checksum
    np.savez(npz, images=np.zeros((2, 6, 5, 3), np.uint8))
    assert len(dataset.load(config, Path("nowhere")).train.images) == 2
    assert len(list(cache_folder.iterdir())) == 2


def test_checksum_is_of_the_content_alone(npz: Path, configure: Configure) -> None:
    first = dataset.load(configure("npz", path=str(npz)), Path("nowhere")).checksum
    arrays = dict(np.load(npz))
    np.savez_compressed(npz.with_name("copy.npz"), **arrays)
    assert dataset.load(configure("npz", path=str(npz.with_name("copy.npz"))), Path("nowhere")).checksum == first
    arrays["y_test"][0] += 1
    np.savez(npz, **arrays)
    assert dataset.load(configure("npz", path=str(npz)), Path("nowhere")).checksum != first


@pytest.mark.parametrize("name", ["train_images.npy", "test_images.npy", "train_labels.npy", "dataset.json"])
@pytest.mark.parametrize("damage", ["byte", "truncated", "removed"])
def test_damage_to_a_prepared_file_is_named(
    name: str, damage: str, npz: Path, cache_folder: Path, configure: Configure
) -> None:
    config = configure("npz", path=str(npz))
    dataset.load(config, Path("nowhere"))
    (path,) = cache_folder.glob(f"*/{name}")
    content, status = path.read_bytes(), path.stat()
    if damage == "byte":  # of a digit in the JSON; one bit in the arrays; neither shows in size or time
        at = content.index(b"3000") if name == "dataset.json" and b"3000" in content else len(content) // 2
        at = content.index(b'"bytes": ') + 9 if name == "dataset.json" else at
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    with pytest.raises(UsageError, match=re.escape(str(path))):
        dataset.load(config, Path("nowhere"))


def test_large_arrays_are_hashed_on_demand(
    npz: Path, cache_folder: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "ALWAYS_VERIFIED", 1000)
    config = configure("npz", path=str(npz))
    dataset.load(config, Path("nowhere"))
    (path,) = cache_folder.glob("*/train_images.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    dataset.load(config, Path("nowhere"))
    with pytest.raises(UsageError, match=r"train_images.npy"):
        dataset.load(config, Path("nowhere"), verify_all=True)


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_truncated_npz_is_named_and_leaves_nothing(
    share: float, npz: Path, cache_folder: Path, configure: Configure
) -> None:
    content = npz.read_bytes()
    npz.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match=f"^dataset.path={npz}: {npz} is truncated, altered"):
        dataset.load(configure("npz", path=str(npz)), npz.parent)
    assert files_below(cache_folder) == [] and files_below(npz.parent) == ["mine.npz"]


@pytest.mark.parametrize("compressed", [False, True])
def test_an_altered_npz_is_named(compressed: bool, npz: Path, configure: Configure) -> None:
    if compressed:
        np.savez_compressed(npz, **np.load(npz))
    content = bytearray(npz.read_bytes())
    content[len(content) // 2] ^= 1  # amid the training images
    npz.write_bytes(content)
    with pytest.raises(UsageError, match=f"{npz} is truncated, altered"):
        dataset.load(configure("npz", path=str(npz)), npz.parent)


def test_a_read_that_fails_midway_leaves_nothing(npz: Path, cache_folder: Path) -> None:
    def blocks():
        yield np.zeros((1, 1, 2, 2), np.uint8)
        raise OSError("disk on fire")

    split = prepared.SourceSplit(2, (1, 2, 2), blocks(), None)
    with pytest.raises(OSError, match="fire"):
        prepared.prepare([cache_folder], "key", "name", "test", lambda scratch: {"train": split})
    assert files_below(cache_folder) == []


def prepare_slowly(store: Path, log: Path, start) -> None:
    def read(scratch: Path) -> dict[str, prepared.SourceSplit]:
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\n")
        return {"train": prepared.SourceSplit(400, (1, 2, 2), blocks(), None)}

    def blocks():
        for number in range(400):
            start.wait(0.001)
            yield np.full((1, 1, 2, 2), number % 256, np.uint8)

    start.wait()
    start.clear()
    folder = prepared.prepare([store], "key", "name", "test", read)
    assert prepared.open_prepared(folder).train.images[-1, 0, 0, 0] == 399 % 256


def test_of_processes_at_once_one_prepares_and_all_can_read(tmp_path: Path, cache_folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    start, log = context.Event(), tmp_path / "log"
    processes = [context.Process(target=prepare_slowly, args=(cache_folder, log, start)) for _ in range(4)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        start.set()
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(log.read_text().splitlines()) == 1
    assert [path.name for path in cache_folder.iterdir()] == ["key"]


def test_a_killed_preparation_is_taken_over(cache_folder: Path) -> None:
    (cache_folder / ".key.partial" / "scratch").mkdir(parents=True)
    (cache_folder / ".key.partial" / "train_images.npy").write_bytes(b"half")
    (cache_folder / ".another.partial").mkdir()
    (cache_folder / ".lock").touch()  # the file stays, its lock went with the process
    split = prepared.SourceSplit(1, (1, 2, 2), iter([np.ones((1, 1, 2, 2), np.uint8)]), None)
    folder = prepared.prepare([cache_folder], "key", "name", "test", lambda scratch: {"train": split})
    assert prepared.open_prepared(folder).train.images.sum() == 4
    assert [path.name for path in cache_folder.iterdir()] == ["key"]


def test_a_cache_that_cannot_be_written_is_named(
    npz: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(npz))  # a file
    with pytest.raises(UsageError, match=f"^{npz}/improved_gan: must be a writable folder .*; set XDG_CACHE_HOME"):
        dataset.load(configure("npz", path=str(npz)), Path("nowhere"))


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, improved_gan.dataset; sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
