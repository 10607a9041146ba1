from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from improved_gan import dataset
from improved_gan.config import DatasetConfig, UsageError

Configure = Callable[..., DatasetConfig]


def paint(path: Path, colour: tuple[int, int, int] | int, size: tuple[int, int] = (10, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes: three red images, two grey ones."""
    root = tmp_path / "images"
    for name in ("a.png", "b.PNG", "deeper/c.bmp"):
        paint(root / "red" / name, (200, 0, 0))
    for name in ("a.png", "b.png"):
        paint(root / "grey" / name, 90)
    (root / "red" / "notes.txt").write_text("no image")
    return root


def load(configure: Configure, path: Path, **changes: object) -> dataset.PreparedDataset:
    return dataset.load(configure("image_folder", path=str(path), **changes), Path("nowhere"))


def test_class_folders_become_classes_in_alphabetical_order(folder: Path, configure: Configure) -> None:
    loaded = load(configure, folder, image_shape=[3, 4, 4])
    assert loaded.class_names == ("grey", "red") and loaded.classes == 2 and loaded.test is None
    assert loaded.train.labels is not None and loaded.train.labels.tolist() == [0, 0, 1, 1, 1]
    assert loaded.train.images.shape == (5, 3, 4, 4)
    assert (loaded.train.images[:2] == 90).all()  # grey images in an RGB set: all channels alike
    assert (loaded.train.images[2:] == np.array([200, 0, 0])[:, None, None]).all()


def test_one_channel_makes_colours_grey(folder: Path, configure: Configure) -> None:
    images = load(configure, folder, image_shape=[1, 4, 4]).train.images
    assert images.shape == (5, 1, 4, 4) and (images[:2] == 90).all()
    assert (images[2:] == round(0.299 * 200)).all()


def test_images_are_cropped_at_the_centre(tmp_path: Path, configure: Configure) -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = np.arange(16).reshape(4, 4, 1) * 10
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "wide.png")
    loaded = load(configure, tmp_path / "images", image_shape=[3, 4, 4])
    np.testing.assert_array_equal(loaded.train.images[0, 0], np.arange(16).reshape(4, 4) * 10)
    assert loaded.train.labels is None and loaded.classes is None  # images alone: no labels


def test_train_and_test_folders_are_the_splits(tmp_path: Path, configure: Configure) -> None:
    for split, count in (("train", 3), ("val", 2)):
        for name in ("cat", "dog"):
            for number in range(count):
                paint(tmp_path / "images" / split / name / f"{number}.jpg", 100 * number)
    loaded = load(configure, tmp_path / "images", image_shape=[1, 8, 8])
    assert loaded.test is not None and (len(loaded.train.images), len(loaded.test.images)) == (6, 4)
    (tmp_path / "images" / "val" / "dog").rename(tmp_path / "images" / "val" / "cow")
    with pytest.raises(UsageError, match="the same class folders"):
        load(configure, tmp_path / "images", image_shape=[1, 8, 8])


@pytest.mark.parametrize("damage", ["truncated", "text", "16 bits"])
def test_an_unreadable_image_is_named(damage: str, folder: Path, cache_folder: Path, configure: Configure) -> None:
    path = folder / "red" / "b.PNG"
    if damage == "truncated":
        noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "text":
        path.write_text("not a picture")
    else:
        Image.fromarray(np.full((10, 10), 40000, np.uint16)).save(path)
    with pytest.raises(UsageError, match=f"^dataset.path={folder}: {path} is no readable 8-bit image"):
        load(configure, folder)
    assert not cache_folder.exists()


def test_a_changed_image_is_noticed(folder: Path, configure: Configure) -> None:
    first = load(configure, folder).checksum
    paint(folder / "red" / "a.png", (0, 200, 0), size=(11, 11))
    assert load(configure, folder).checksum != first


def test_what_cannot_be_loaded_is_said(folder: Path, configure: Configure) -> None:
    with pytest.raises(UsageError, match=r"dataset.image_shape=null: an image folder needs"):
        load(configure, folder, image_shape=None)
    with pytest.raises(UsageError, match=r"dataset.image_shape=\[28, 28\]: must be \[channels, height, width\]"):
        load(configure, folder, image_shape=[28, 28])
    with pytest.raises(UsageError, match="must be a folder of images"):
        load(configure, folder / "red" / "a.png")
    paint(folder / "stray.png", 0)
    with pytest.raises(UsageError, match=r"images beside its class folders, stray.png for one"):
        load(configure, folder)
    (folder / "stray.png").unlink()
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=f"{folder / 'empty'} holds no images"):
        load(configure, folder)
