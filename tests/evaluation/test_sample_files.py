"""Images from folders and .npz files: what is read, and what is refused with a line that says why."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from improved_gan.config import UsageError
from improved_gan.evaluation.sample_files import read_images

COLOUR = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), dtype=np.uint8)  # NHWC
ORDER = np.random.default_rng(0).permutation(5)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path / "images.npz", **arrays)
    return path / "images.npz"


def folder(path: Path, images: np.ndarray = COLOUR, name: str = "{:02d}.png") -> Path:
    for number, image in enumerate(images):
        Image.fromarray(image).save(path / name.format(number))
    return path


def read(path: Path, skip_unreadable: bool = False, count: int = 100) -> np.ndarray:
    return read_images(path, skip_unreadable=skip_unreadable, count=count, seed=0)[0].images


def test_folder_and_npz_of_the_same_images_are_the_same_set(tmp_path: Path) -> None:
    from_npz, _ = read_images(npz(tmp_path, images=COLOUR), skip_unreadable=False, count=100, seed=0)
    from_folder, _ = read_images(folder(tmp_path), skip_unreadable=False, count=100, seed=0)
    assert np.array_equal(from_npz.images, COLOUR[ORDER].transpose(0, 3, 1, 2))
    assert from_npz.key == from_folder.key and len(from_npz) == 5


def test_images_are_taken_in_a_seeded_order(tmp_path: Path) -> None:
    assert np.array_equal(read(folder(tmp_path), count=3), COLOUR[ORDER[:3]].transpose(0, 3, 1, 2))


def test_gray_images_keep_one_channel(tmp_path: Path) -> None:
    assert read(folder(tmp_path, COLOUR[..., 0])).shape == (5, 1, 8, 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": COLOUR}, "must hold an array `images` .it holds pictures."),
        ({"images": COLOUR / 255}, "must be uint8, 0..255; it is float64 of 0 to 1"),
        ({"images": np.array([[[[np.nan, -2.0, 5.0]]]])}, "float64 of -2 to 5 with 1 NaN or inf"),
        ({"images": COLOUR.astype(np.int16) + 1}, "int16 of 1 to 256"),
        ({"images": COLOUR[..., :2]}, "1 or 3 channels"),
        ({"images": COLOUR[0]}, "1 or 3 channels"),
        ({"images": COLOUR[:0]}, "is empty"),
        ({"images": np.array([None])}, "cannot be read as an .npz"),
    ],
)
def test_what_an_npz_must_not_hold(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        read(npz(tmp_path, **arrays))
    assert "\n" not in str(error.value)


def test_a_truncated_npz(tmp_path: Path) -> None:
    path = npz(tmp_path, images=COLOUR)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UsageError, match=r"cannot be read as an \.npz"):
        read(path)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UsageError, match="there are no images in it"):
        read(tmp_path)


@pytest.mark.parametrize(("options", "said"), [({"lossless": True}, False), ({}, True)])
def test_webp_is_called_lossy_where_it_is(
    options: dict[str, Any], said: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for k in range(2):
        Image.fromarray(np.full((8, 8, 3), 40 * k, np.uint8)).save(tmp_path / f"{k}.webp", **options)
    read(tmp_path)
    assert ("lossily compressed" in caplog.text) is said


def test_images_of_different_sizes(tmp_path: Path) -> None:
    folder(tmp_path)
    Image.fromarray(COLOUR[0, :5]).save(tmp_path / "99.png")
    with pytest.raises(UsageError, match=r"99\.png is 5x6 with 3 channels and others are 8x6"):
        read(tmp_path)


def test_unreadable_images_are_named_and_left_out_only_if_asked(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "03.png").write_bytes(b"no png")
    (tmp_path / "01.png").write_bytes((tmp_path / "01.png").read_bytes()[:60])
    with pytest.raises(UsageError, match=r"2 unreadable images \(01.png, 03.png\)"):
        read(tmp_path)
    images, skipped = read_images(tmp_path, skip_unreadable=True, count=100, seed=0)
    assert skipped == 2 and np.array_equal(
        images.images, COLOUR[[at for at in ORDER if at % 2 == 0]].transpose(0, 3, 1, 2)
    )


def test_a_folder_with_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"no png")
    with pytest.raises(UsageError, match="1 unreadable image "):
        read(tmp_path, skip_unreadable=True)


def test_a_folder_is_read_by_the_rules_of_a_data_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in (".ipynb_checkpoints", "elsewhere", "set"):
        (tmp_path / name).mkdir()
        folder(tmp_path / name)
    (tmp_path / ".ipynb_checkpoints").rename(tmp_path / "set" / ".ipynb_checkpoints")
    (tmp_path / "set" / "part").symlink_to("../elsewhere")
    (tmp_path / "set" / "loop").symlink_to(".")
    (tmp_path / "set" / "._00.png").write_bytes(b"no image")
    (tmp_path / "set" / "gone.png").symlink_to("nowhere.png")
    assert len(read(tmp_path / "set")) == 10
    assert "skipped 1 broken links, 2 hidden files or folders, 1 links to a folder" in caplog.text


def test_16_bit_images_are_scaled_and_floats_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 6), 30000, np.uint16)).save(tmp_path / "0.png")
    assert (read(tmp_path) == round(30000 / 257)).all()
    Image.fromarray(np.full((8, 6), 0.5, np.float32)).save(tmp_path / "1.tif")
    with pytest.raises(UsageError, match=r"1 unreadable image .1\.tif.: .*floating-point"):
        read(tmp_path)


def test_gray_among_rgb_is_made_rgb(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder(tmp_path)
    Image.fromarray(COLOUR[0, ..., 0]).save(tmp_path / "00.png")
    images = read(tmp_path)
    assert images.shape == (5, 3, 8, 6) and (images[ORDER == 0][0] == COLOUR[0, ..., 0]).all()
    assert "1 in gray made RGB" in caplog.text


@pytest.mark.parametrize("name", ["images", "arr_0"])
def test_sample_files_of_other_tools_are_read(tmp_path: Path, name: str) -> None:
    right = COLOUR[ORDER].transpose(0, 3, 1, 2)
    assert np.array_equal(read(npz(tmp_path, **{name: COLOUR})), right)
    assert np.array_equal(read(npz(tmp_path, **{name: COLOUR.transpose(0, 3, 1, 2)})), right)
    assert np.array_equal(read(npz(tmp_path, **{name: COLOUR[..., 0]})), right[:, :1])


def test_fewer_images_than_files_are_of_all_classes(tmp_path: Path) -> None:
    in_order = np.repeat(np.arange(10, dtype=np.uint8), 50)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    assert len(np.unique(read(npz(tmp_path, images=in_order)))) == 10


def test_a_split_of_a_set_as_keras_lays_it_out(tmp_path: Path) -> None:
    path = npz(tmp_path, x_train=COLOUR, y_train=np.arange(5), x_test=255 - COLOUR[:2], y_test=np.arange(2))
    train, _ = read_images(path, skip_unreadable=False, count=100, seed=0, split="train")
    assert np.array_equal(train.images, COLOUR[ORDER].transpose(0, 3, 1, 2)) and train.name == "images-train"
    test, _ = read_images(path, skip_unreadable=False, count=100, seed=0, split="test")
    assert len(test) == 2 and test.key != train.key
    with pytest.raises(UsageError, match=r"holds x_train and x_test; evaluate\.split=train or test"):
        read(path)
    with pytest.raises(UsageError, match=r"holds neither x_train nor x_test; remove evaluate\.split"):
        read_images(npz(tmp_path, images=COLOUR), skip_unreadable=False, count=100, seed=0, split="test")
