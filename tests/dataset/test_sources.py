"""Every set through its real reader: the real files where they can be had, else small ones in the set's own format."""

import gzip
import hashlib
import pickle
import re
import struct
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import scipy.io
import torchvision.datasets
from torchvision.datasets import CIFAR10, SVHN

from improved_gan import dataset
from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError
from improved_gan.dataset.source.torchvision import CIFAR10_FILES, IDX_FILES
from improved_gan.nodes import DatasetConfig

Configure = Callable[..., DatasetConfig]
RANDOM = np.random.default_rng(0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def small_set(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """30 training and 20 test images of two random sets of 10 classes."""
    return {
        "x_train": RANDOM.integers(0, 256, (30, *shape), dtype=np.uint8),
        "y_train": np.arange(30, dtype=np.uint8) % 10,
        "x_test": RANDOM.integers(0, 256, (20, *shape), dtype=np.uint8),
        "y_test": np.arange(20, dtype=np.uint8) % 10,
    }


def assert_holds(loaded: dataset.PreparedDataset, arrays: dict[str, np.ndarray]) -> None:
    """`arrays`' images are NCHW here."""
    assert loaded.classes == 10 and loaded.train.labels is not None
    assert loaded.test is not None and loaded.test.labels is not None
    np.testing.assert_array_equal(loaded.train.images, arrays["x_train"].reshape(30, *loaded.image_shape))
    np.testing.assert_array_equal(loaded.train.labels, arrays["y_train"])
    np.testing.assert_array_equal(loaded.test.images, arrays["x_test"].reshape(20, *loaded.image_shape))
    np.testing.assert_array_equal(loaded.test.labels, arrays["y_test"])


def write_idx(folder: Path, arrays: dict[str, np.ndarray], compressed: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, key in zip(IDX_FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True):
        axes = arrays[key].shape
        content = bytes([0, 0, 8, len(axes)]) + struct.pack(f">{len(axes)}I", *axes) + arrays[key].tobytes()
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)


def test_digits_and_their_test_split_are_fixed(configure: Configure, tmp_path: Path) -> None:
    loaded = dataset.load(configure("digits"), tmp_path)
    assert loaded.test is not None and loaded.train.labels is not None and loaded.test.labels is not None
    assert loaded.train.images.shape == (1437, 1, 8, 8) and np.bincount(loaded.test.labels).tolist() == [36] * 10
    assert loaded.train.images.max() == 255 and loaded.train.images.min() == 0
    # For ever: another split would make every figure of the default run incomparable with the ones before.
    assert hashlib.sha256(loaded.train.images.tobytes()).hexdigest()[:16] == "8578459670eafc30"
    assert hashlib.sha256(loaded.test.images.tobytes()).hexdigest()[:16] == "cde2477234543a4e"
    assert hashlib.sha256(loaded.test.labels.tobytes()).hexdigest()[:16] == "2945f10694232564"


def test_real_mnist(configure: Configure, real_data: Path) -> None:
    loaded, source = dataset.load(configure("mnist"), real_data), np.load(real_data / "mnist.npz")
    np.testing.assert_array_equal(loaded.train.images[:, 0], source["x_train"])
    assert loaded.train.labels is not None and loaded.test is not None and len(loaded.test.images) == 10000
    chosen = dataset.labelled_indices(loaded.train.labels, 10, seed=1)
    order = np.random.RandomState(1).permutation(60000)
    permuted = source["y_train"][order]
    np.testing.assert_array_equal(chosen, np.concatenate([order[permuted == j][:10] for j in range(10)]))


def test_real_cifar10(configure: Configure, real_data: Path) -> None:
    if not (real_data / "cifar10.npz").is_file():
        pytest.skip(f"needs cifar10.npz: {real_data} has none")
    loaded, source = dataset.load(configure("cifar10"), real_data), np.load(real_data / "cifar10.npz")
    assert loaded.train.images.shape == (50000, 3, 32, 32) and loaded.test is not None
    np.testing.assert_array_equal(loaded.test.images, source["x_test"].transpose(0, 3, 1, 2))
    assert loaded.train.labels is not None and np.bincount(loaded.train.labels).tolist() == [5000] * 10


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "."), ("mnist", "MNIST/raw"), ("fashion_mnist", "."), ("fashion_mnist", "FashionMNIST/raw")],
)
def test_idx_files_below_the_data_root(
    name: str, folder: str, compressed: bool, tmp_path: Path, configure: Configure
) -> None:
    arrays = small_set((28, 28))
    write_idx(tmp_path / "data" / folder, arrays, compressed)
    assert_holds(dataset.load(configure(name), tmp_path / "data"), arrays)


def test_damaged_and_missing_idx_files_are_named(tmp_path: Path, configure: Configure) -> None:
    write_idx(tmp_path / "plain", small_set((28, 28)), compressed=False)
    path = tmp_path / "plain" / IDX_FILES[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match=f"^dataset=mnist: {path} is truncated"):
        dataset.load(configure("mnist"), tmp_path / "plain")
    path.unlink()
    with pytest.raises(UsageError, match=f"{tmp_path / 'plain'} lacks {IDX_FILES[0]} of MNIST"):
        dataset.load(configure("mnist"), tmp_path / "plain")
    write_idx(tmp_path / "packed", small_set((28, 28)), compressed=True)
    path = tmp_path / "packed" / f"{IDX_FILES[2]}.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"{path} is truncated or altered"):
        dataset.load(configure("mnist"), tmp_path / "packed")


def test_fashion_mnist_is_not_taken_for_mnist(tmp_path: Path, configure: Configure) -> None:
    arrays = small_set((28, 28))
    arrays["y_test"][:10] = [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]  # as Fashion-MNIST's test labels begin
    write_idx(tmp_path / "data", arrays, compressed=True)
    assert dataset.load(configure("fashion_mnist"), tmp_path / "data").name == "fashion_mnist"
    with pytest.raises(UsageError, match="ask for dataset=fashion_mnist"):
        dataset.load(configure("mnist"), tmp_path / "data")


def write_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    arrays, published = small_set((3, 32, 32)), dict(SVHN.split_list)
    folder.mkdir()
    for split in ("train", "test"):
        path, labels = folder / f"{split}_32x32.mat", arrays[f"y_{split}"]
        content = {"X": arrays[f"x_{split}"].transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None]}
        scipy.io.savemat(path, content, do_compression=True)
        published[split] = ["", path.name, md5(path)]
    monkeypatch.setattr(SVHN, "split_list", published)
    return arrays


def write_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    arrays, batches = small_set((3, 32, 32)), folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    parts = [(arrays["x_train"][i : i + 6], arrays["y_train"][i : i + 6]) for i in range(0, 30, 6)]
    for name, (images, labels) in zip(CIFAR10_FILES, [*parts, (arrays["x_test"], arrays["y_test"])], strict=False):
        (batches / name).write_bytes(pickle.dumps({"data": images.reshape(-1, 3072), "labels": labels.tolist()}))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    sums = [[name, md5(batches / name)] for name in CIFAR10_FILES]
    for attribute, value in {
        "train_list": sums[:5],
        "test_list": sums[5:6],
        "meta": {"filename": "batches.meta", "key": "label_names", "md5": sums[6][1]},
    }.items():
        monkeypatch.setattr(CIFAR10, attribute, value)
    return arrays


WRITERS = {"svhn": write_svhn, "cifar10": write_cifar10}


@pytest.mark.parametrize("name", ["svhn", "cifar10"])
def test_own_files_below_the_data_root(
    name: str, tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = WRITERS[name](tmp_path / "data", monkeypatch)
    assert_holds(dataset.load(configure(name), tmp_path / "data"), arrays)


@pytest.mark.parametrize(
    ("name", "file"), [("svhn", "test_32x32.mat"), ("cifar10", "cifar-10-batches-py/data_batch_3")]
)
def test_an_altered_file_of_a_published_set_is_named(
    name: str, file: str, tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path / "data", monkeypatch)
    path = tmp_path / "data" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"^dataset={name}: {path} is truncated or altered"):
        dataset.load(configure(name), tmp_path / "data")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of tmp_path/server over HTTP, on this machine."""
    monkeypatch.setenv("no_proxy", "*")

    class QuietHandler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    handler = partial(QuietHandler, directory=str(tmp_path / "server"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


def serve(name: str, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Put a small set where torchvision's own download code will fetch it."""
    if name in WRITERS:
        arrays = WRITERS[name](folder, monkeypatch)
        if name == "svhn":
            published = {split: [address + file, file, md5] for split, (_, file, md5) in SVHN.split_list.items()}
            monkeypatch.setattr(SVHN, "split_list", published)
        else:
            with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
                archive.add(folder / "cifar-10-batches-py", "cifar-10-batches-py")
            monkeypatch.setattr(CIFAR10, "url", f"{address}cifar-10-python.tar.gz")
            monkeypatch.setattr(CIFAR10, "tgz_md5", md5(folder / "cifar-10-python.tar.gz"))
        return arrays
    arrays, title = small_set((28, 28)), {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}[name]
    write_idx(folder, arrays, compressed=True)
    torchvision_class: Any = getattr(torchvision.datasets, title)
    monkeypatch.setattr(torchvision_class, "mirrors", [address])
    monkeypatch.setattr(
        torchvision_class, "resources", [(f"{file}.gz", md5(folder / f"{file}.gz")) for file in IDX_FILES]
    )
    return arrays


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "svhn", "cifar10"])
def test_a_missing_set_is_downloaded_and_only_its_prepared_form_stays(
    name: str,
    server: str,
    tmp_path: Path,
    cache_folder: Path,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arrays = serve(name, tmp_path / "server", server, monkeypatch)
    (tmp_path / "data").mkdir()
    assert_holds(dataset.load(configure(name), tmp_path / "data"), arrays)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["prepared"] and not cache_folder.exists()
    assert len(list((tmp_path / "data" / "prepared").iterdir())) == 1
    assert capsys.readouterr().out == ""
    for path in (tmp_path / "server").rglob("*.*"):
        path.unlink()
    assert_holds(dataset.load(configure(name), tmp_path / "data"), arrays)  # not fetched again


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "svhn", "cifar10"])
def test_a_failed_download_says_what_to_put_where(
    name: str, server: str, tmp_path: Path, cache_folder: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(name, tmp_path / "server", server, monkeypatch)
    for path in (tmp_path / "server").rglob("*.*"):
        path.unlink()
    expected = f"data_root={tmp_path / 'data'}: does not hold {name}, and its download failed (.+); put {name}.npz"
    with pytest.raises(UsageError, match=f"^{expected}") as raised:
        dataset.load(configure(name), tmp_path / "data")
    assert "\n" not in str(raised.value) and not (tmp_path / "data").exists() and not cache_folder.exists()


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 8, 7), (1, 8, 7)), ((4, 8, 7, 1), (1, 8, 7)), ((4, 8, 7, 3), (3, 8, 7)), ((4, 3, 8, 7), (3, 8, 7))],
)
def test_npz_layouts(shape: tuple[int, ...], expected: tuple[int, ...], tmp_path: Path, configure: Configure) -> None:
    images = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    loaded = dataset.load(configure("npz", path=str(save(tmp_path / "a.npz", images=images))), tmp_path)
    assert loaded.image_shape == expected and loaded.classes is None and loaded.train.labels is None
    nchw = images.transpose(0, 3, 1, 2) if shape[-1] in (1, 3) else images.reshape(4, *expected)
    np.testing.assert_array_equal(loaded.train.images, nchw)


def test_image_shape_decides_between_layouts(tmp_path: Path, configure: Configure) -> None:
    path = save(tmp_path / "a.npz", images=np.arange(18, dtype=np.uint8).reshape(1, 3, 2, 3))
    assert dataset.load(configure("npz", path=str(path), image_shape=[3, 3, 2]), tmp_path).train.images[0, 1, 0, 0] == 1
    assert dataset.load(configure("npz", path=str(path), image_shape=[3, 2, 3]), tmp_path).train.images[0, 1, 0, 0] == 6


IMAGES = np.zeros((4, 5, 5), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"images": np.linspace(-1, 1, 100).reshape(4, 5, 5)}, "images are float64 from -1 to 1, and must be uint8"),
        ({"images": np.full((4, 5, 5), 300)}, "images are int64 from 300 to 300, and must be uint8"),
        ({"images": IMAGES[0]}, r"images have shape \(5, 5\)"),
        ({"images": np.zeros((4, 5, 5, 4), np.uint8)}, "must have 1 or 3 channels"),
        ({"images": IMAGES[:0]}, "there are no images in it"),
        ({"images": IMAGES, "labels": np.arange(3)}, r"labels are int64 of shape \(3,\)"),
        ({"images": IMAGES, "labels": np.arange(4.0)}, "labels are float64"),
        ({"images": IMAGES, "labels": np.arange(4) - 1}, "labels begin at -1"),
        ({"images": IMAGES, "labels": np.arange(4) + 2**40}, "labels reach 1099511627779"),
        ({"pictures": IMAGES}, "it holds pictures"),
        ({"images": np.array([{}, {}])}, "no .npz of plain arrays"),
        ({"x_train": IMAGES, "x_test": np.zeros((4, 6, 6), np.uint8)}, "test images are"),
        ({"x_train": IMAGES, "x_test": IMAGES, "y_test": np.arange(4)}, "one of train and test has labels"),
    ],
)
def test_wrong_arrays_are_refused(
    arrays: dict[str, np.ndarray], complaint: str, tmp_path: Path, cache_folder: Path, configure: Configure
) -> None:
    path = save(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match=f"^dataset.path={re.escape(str(path))}: .*{complaint}"):
        dataset.load(configure("npz", path=str(path)), Path("nowhere"))
    assert not cache_folder.exists()


def test_a_bare_array_is_no_archive(tmp_path: Path, cache_folder: Path, configure: Configure) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(UsageError, match=r"no \.npz of plain arrays"):
        dataset.load(configure("npz", path=str(tmp_path / "a.npy")), Path("nowhere"))
    assert not cache_folder.exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image_shape": [1, 6, 6]}, r"images are \[1, 5, 5\], and dataset.image_shape=\[1, 6, 6\] must say so"),
        ({"classes": 3}, "^dataset.classes=3: .* holds labels of 4 classes"),
        ({"class_names": ["a", "b"]}, "2 names for 4 classes"),
        ({"path": None}, "^dataset.path=null: must be an .npz file"),
        ({"path": "/nonexistent.npz"}, "^dataset.path=/nonexistent.npz: must be an .npz file"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    changes: dict[str, Any], complaint: str, tmp_path: Path, configure: Configure
) -> None:
    path = save(tmp_path / "a.npz", images=IMAGES, labels=np.arange(4))
    with pytest.raises(UsageError, match=complaint):
        dataset.load(configure("npz", **{"path": str(path), **changes}), Path("nowhere"))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("scikit_learn", "^dataset.name=cifar10: must be digits"),
        ("torchvision", "^dataset.name=digits: must be one of mnist, fashion_mnist, svhn, cifar10"),
        ("points", "^dataset.source=points: is not that of dataset=digits"),
    ],
)
def test_a_source_that_is_not_the_data_sets_is_refused_when_a_run_is_composed(source: str, complaint: str) -> None:
    name = "cifar10" if source == "scikit_learn" else "digits"
    with pytest.raises(UsageError, match=complaint):
        compose_jobs([f"dataset={name}", f"dataset.source={source}"])


def test_class_names_come_from_the_config(tmp_path: Path, configure: Configure) -> None:
    path = save(tmp_path / "a.npz", images=IMAGES, labels=np.arange(4) % 2)
    config = configure("npz", path=str(path), classes=3, class_names=["a", "b", "c"])
    loaded = dataset.load(config, tmp_path)
    assert (loaded.classes, loaded.class_names) == (3, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("labels", "words"),
    [([1, 2, 3, 1], "labels are 1, 2, 3; taken as classes 0 to 2"), ([0, 7, 9, 0], "labels are 0, 7, 9; taken as")],
)
def test_labels_that_do_not_count_from_zero_are_numbered_and_named(
    labels: list[int], words: str, tmp_path: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "a.npz", x_train=IMAGES, y_train=np.array(labels), x_test=IMAGES[:1], y_test=labels[2:3])
    loaded = dataset.load(configure("npz", path=str(path)), tmp_path)
    assert loaded.train.labels is not None and loaded.train.labels.tolist() == [0, 1, 2, 0]
    assert loaded.test is not None and loaded.test.labels is not None and loaded.test.labels.tolist() == [2]
    assert loaded.classes == 3 and loaded.class_names == tuple(map(str, labels[:3]))
    again = dataset.load(configure("npz", path=str(path)), tmp_path)
    assert again.checksum == loaded.checksum and caplog.text.count(words) == 2  # a line at every loading
