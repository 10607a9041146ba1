from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from improved_gan import dataset
from improved_gan.config import UsageError
from improved_gan.nodes import DatasetConfig

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


@pytest.mark.parametrize("damage", ["truncated", "text", "floats", "animation"])
def test_an_unreadable_image_is_named(damage: str, folder: Path, cache_folder: Path, configure: Configure) -> None:
    path = folder / "red" / "b.PNG"
    if damage == "truncated":
        noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "text":
        path.write_text("not a picture")
    elif damage == "floats":
        Image.fromarray(np.full((10, 10), 0.5, np.float32)).save(path, format="tiff")
    else:
        frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
        frames[0].save(path, format="gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UsageError, match=f"^dataset.path={folder}: {path} is no readable image"):
        load(configure, folder)
    assert not cache_folder.exists()


def test_a_changed_image_is_noticed(folder: Path, configure: Configure) -> None:
    first = load(configure, folder).checksum
    paint(folder / "red" / "a.png", (0, 200, 0), size=(11, 11))
    assert load(configure, folder).checksum != first


def test_what_cannot_be_loaded_is_said(folder: Path, configure: Configure) -> None:
    with pytest.raises(UsageError, match=r"dataset.image_shape=null: an image folder requires"):
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


def test_linked_class_folders_are_known_by_the_files_behind_the_links(tmp_path: Path, configure: Configure) -> None:
    for which, colour in (("a", 40), ("b", 200)):
        for name in ("cat", "dog"):
            paint(tmp_path / f"store_{which}" / name / "0.png", colour)
            (tmp_path / f"set_{which}").mkdir(exist_ok=True)
            (tmp_path / f"set_{which}" / name).symlink_to(f"../store_{which}/{name}")
    for which, colour in (("a", 40), ("b", 200)):
        assert (load(configure, tmp_path / f"set_{which}", image_shape=[1, 8, 8]).train.images == colour).all()
    (tmp_path / "set").symlink_to("set_a")
    assert (load(configure, tmp_path / "set", image_shape=[1, 8, 8]).train.images == 40).all()
    (tmp_path / "set").unlink()
    (tmp_path / "set").symlink_to("set_b")  # the same path leads to other files
    assert (load(configure, tmp_path / "set", image_shape=[1, 8, 8]).train.images == 200).all()


@pytest.mark.parametrize(
    ("names", "test"),
    [
        (("train", "val", "test"), "test"),
        (("train", "test", "valid"), "test"),
        (("Train", "Test"), "Test"),
        (("TRAIN", "dev"), "dev"),
    ],
)
def test_splits_in_any_case_and_test_wins(
    names: tuple[str, ...], test: str, tmp_path: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    for colour, name in enumerate(names):
        for kind in ("cat", "dog"):
            paint(tmp_path / "images" / name / kind / "0.png", colour * 50)
    loaded = load(configure, tmp_path / "images", image_shape=[1, 8, 8])
    assert loaded.class_names == ("cat", "dog") and loaded.test is not None
    assert (loaded.train.images == 0).all() and (loaded.test.images == names.index(test) * 50).all()
    for name in set(names[1:]) - {test}:
        assert f"the test split is {test}; not used: {name}" in caplog.text


def test_train_beside_folders_that_are_no_splits_is_refused(tmp_path: Path, configure: Configure) -> None:
    for name in ("train", "plane"):
        paint(tmp_path / name / "0.png", 9)
    with pytest.raises(UsageError, match=r"dataset\.path=.*a folder train beside others .*\(plane\)"):
        load(configure, tmp_path)


def test_hidden_files_broken_links_and_loops_are_left_out_and_counted(
    folder: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    paint(folder / "red" / ".ipynb_checkpoints" / "a-checkpoint.png", 1)
    paint(folder / "__MACOSX" / "a.png", 1)
    paint(folder / "@eaDir" / "a.png", 1)
    (folder / "red" / "._a.png").write_bytes(b"no image")
    (folder / "red" / "gone.png").symlink_to("nowhere.png")
    (folder / "red" / "loop").symlink_to("..")
    (folder / "red" / "higher").symlink_to("../..")  # holds the set and whatever lies beside it
    (folder / "up").symlink_to("..")
    paint(folder.parent / "another set" / "a.png", 1)
    assert len(load(configure, folder, image_shape=[3, 4, 4]).train.images) == 5
    assert (
        "skipped 1 broken links, 4 hidden files or folders, 3 links to a folder that holds them, 1 other files"
        in caplog.text
    )


def test_16_bits_are_scaled_transparency_is_white_and_exif_turns(
    tmp_path: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(np.full((8, 8), 30000, np.uint16)).save(tmp_path / "0.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "1.png")
    exif, half = Image.Exif(), np.zeros((8, 8), np.uint8)
    exif[0x0112], half[:4] = 3, 255
    Image.fromarray(half).save(tmp_path / "2.png", exif=exif)
    images = load(configure, tmp_path, image_shape=[3, 8, 8]).train.images
    assert (images[0] == round(30000 / 257)).all() and (images[1] == 255).all()
    assert (images[2, :, :4] == 0).all() and (images[2, :, 4:] == 255).all()
    for words in ("1 of 16 bits scaled to 8", "1 turned as EXIF says", "1 with transparency put on white"):
        assert words in caplog.text
