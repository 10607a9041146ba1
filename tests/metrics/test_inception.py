"""Our Inception against torch-fidelity's and pytorch-fid's, with random weights; and what becomes of wrong weights."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from improved_gan.config import UsageError
from improved_gan.metrics import inception_weights as weights_module
from improved_gan.metrics.inception import Inception
from improved_gan.metrics.inception_weights import inception_weights
from improved_gan.metrics.inputs import MetricUnavailable

CPU = torch.device("cpu")
ACCELERATORS = [torch.device("cuda")] if torch.cuda.is_available() else []


def network(path: Path, precision: str = "fp32", device: torch.device = CPU) -> Inception:
    weights = inception_weights(str(path))
    return Inception(weights.state, weights.checksum, device=device, batch_size=4, precision=precision)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.std())


@pytest.mark.integration
def test_features_are_torch_fidelitys_on_any_device_in_any_batch(random_weights: Path, cifar10: np.ndarray) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3("theirs", ["2048", "logits_unbiased"], str(random_weights))
    images = torch.from_numpy(cifar10[10:13])
    with torch.no_grad():
        expected = theirs(images)
    assert expected[0].std(dim=0).mean() > 0.05 * expected[0].mean()  # images differ: the test could fail
    ours = network(random_weights)
    assert ours.name.startswith("inception-2015-12-05-")
    alone = [torch.cat(parts) for parts in zip(*(ours(images[i : i + 1]) for i in range(3)), strict=True)]
    elsewhere = [network(random_weights, device=d)(images.to(d)) for d in ACCELERATORS]
    for found in (ours(images), alone, *elsewhere):
        found = [part.cpu() for part in found]
        assert relative(found[0], expected[0]) < 1e-4 and relative(found[1], expected[1]) < 1e-4
    rounded = network(random_weights, "bf16")
    assert rounded.name == f"{ours.name}-bf16"
    assert relative(rounded(images[:1])[0], expected[0][:1]) < 0.5


@pytest.mark.integration
def test_the_network_is_pytorch_fids(random_weights: Path, monkeypatch: Any) -> None:
    """Apart from what comes before it: pytorch-fid resizes and scales a little differently."""
    from pytorch_fid import inception as theirs

    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: torch.load(random_weights))
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 299, 299), dtype=np.uint8))
    model = theirs.InceptionV3(resize_input=False, normalize_input=False).eval()
    with torch.no_grad():
        expected = model((images.float() - 128) / 128)[0].flatten(1)
    assert relative(network(random_weights)(images)[0], expected) < 1e-4


def test_gray_images_are_seen_as_colour(random_weights: Path, cifar10: np.ndarray) -> None:
    gray, ours = torch.from_numpy(cifar10[:1, :1]), network(random_weights)
    assert torch.equal(ours(gray)[0], ours(gray.repeat(1, 3, 1, 1))[0])


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": Malicious(tmp_path / "executed")}, tmp_path / "weights.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Malicious(tmp_path / "executed"), protocol=2))
    for name in ("weights.pth", "raw.pth"):
        with pytest.raises(UsageError, match="cannot be read"):
            inception_weights(str(tmp_path / name))
    assert not (tmp_path / "executed").exists()


def test_files_that_are_no_inception(random_weights: Path, tmp_path: Path) -> None:
    path, good = tmp_path / "weights.pth", torch.load(random_weights)
    first = "Conv2d_1a_3x3.conv.weight"
    wrong: list[tuple[Any, str]] = [
        ({name: value for name, value in good.items() if name != "fc.bias"}, "fc.bias is missing"),
        (good | {"fc.bias": torch.zeros(1000)}, r"fc.bias is \[1000\], and must be \[1008\]"),
        (good | {"head.bias": torch.zeros(2)}, "head.bias is unknown"),
        (good | {first: torch.full_like(good[first], torch.nan)}, f"{first} holds NaN or infinity"),
        (good | {first: good[first].half()}, f"{first} is torch.float16"),
        ({"weight": torch.zeros(2)}, f"{first} is missing"),
        ([torch.zeros(2)], "must hold a state dict"),
        ({"epoch": 3}, "must hold a state dict"),
    ]
    for state, words in wrong:
        torch.save(state, path)
        with pytest.raises(UsageError, match=words) as error:
            inception_weights(str(path))
        assert "\n" not in str(error.value) and str(path) in str(error.value)
    path.write_bytes(random_weights.read_bytes()[:100_000])
    with pytest.raises(UsageError, match="truncated"):
        inception_weights(str(path))
    with pytest.raises(UsageError, match="no such file"):
        inception_weights(str(tmp_path / "nothing.pth"))


@pytest.fixture
def source(random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server's file, and an empty cache of torch's."""
    monkeypatch.setattr(weights_module, "URL", random_weights.as_uri())
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield tmp_path / "hub" / "checkpoints" / weights_module.FILE
    torch.hub.set_dir(before)


def test_the_download_is_made_once_and_kept(source: Path, random_weights: Path, monkeypatch: Any) -> None:
    checksum = weights_module._sha256(random_weights)
    monkeypatch.setattr(weights_module, "SHA256", checksum)
    assert inception_weights(None).checksum == checksum and source.is_file()
    monkeypatch.setattr(weights_module, "URL", "file:///nowhere")
    assert inception_weights(None).path == source
    source.write_bytes(b"damaged")
    with pytest.raises(MetricUnavailable, match="no Inception weights"):
        inception_weights(None)


def test_a_download_with_another_checksum_is_never_opened(source: Path, monkeypatch: Any) -> None:
    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(torch, "load", opened)
    with pytest.raises(MetricUnavailable, match=r"metrics\.inception_weights=PATH"):
        inception_weights(None)
    assert not source.exists()
