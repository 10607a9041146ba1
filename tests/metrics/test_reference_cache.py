"""Features of real images on disk: worked out once, by one process, and never taken for another's."""

import logging
import multiprocessing
import time
from pathlib import Path

import pytest
import torch

from improved_gan.metrics.extraction import ClassStatistics, Features, Moments
from improved_gan.metrics.reference_cache import cached_features


def features(keep: bool) -> Features:
    random = torch.Generator().manual_seed(0)
    values = torch.randn(9, 4, generator=random)
    moments = Moments(9, values.double().mean(dim=0), values.double().T.cov())
    classes = ClassStatistics(torch.full((3,), 3.0).double(), torch.rand(3, 5).double(), -torch.rand(3).double())
    return Features("network-1", moments, classes, values if keep else None, values[:, :3] if keep else None)


class Counted:
    """Makes features and leaves a file for each time that it did."""

    def __init__(self, folder: Path, keep: bool = False) -> None:
        self.folder, self.keep = folder, keep

    def __call__(self) -> Features:
        time.sleep(0.2)
        (self.folder / f"made-{time.monotonic_ns()}").touch()
        return features(self.keep)

    @property
    def times(self) -> int:
        return len(list(self.folder.glob("made-*")))


def test_what_is_read_back_is_what_was_stored(tmp_path: Path) -> None:
    compute = Counted(tmp_path, keep=True)
    first = cached_features(tmp_path / "cache", "a", keep=True, compute=compute)
    second = cached_features(tmp_path / "cache", "a", keep=True, compute=compute)
    assert compute.times == 1 and second.network == "network-1"
    assert torch.equal(first.moments.covariance, second.moments.covariance) and second.moments.count == 9
    assert torch.equal(first.classes.summed, second.classes.summed)
    assert second.values is not None and torch.equal(first.values, second.values)


def test_another_key_is_another_entry(tmp_path: Path) -> None:
    compute = Counted(tmp_path)
    for key in ("a", "b", "a"):
        cached_features(tmp_path / "cache", key, keep=False, compute=compute)
    assert compute.times == 2


def test_statistics_alone_do_not_serve_who_needs_every_feature(tmp_path: Path) -> None:
    cached_features(tmp_path, "a", keep=False, compute=Counted(tmp_path))
    assert cached_features(tmp_path, "a", keep=True, compute=Counted(tmp_path, keep=True)).values is not None
    assert cached_features(tmp_path, "a", keep=False, compute=Counted(tmp_path)).values is None
    assert Counted(tmp_path).times == 2


def test_a_damaged_entry_is_worked_out_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cached_features(tmp_path, "a", keep=False, compute=Counted(tmp_path))
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:200])
    with caplog.at_level(logging.WARNING, "improved_gan"):
        cached_features(tmp_path, "a", keep=False, compute=Counted(tmp_path))
    assert Counted(tmp_path).times == 2 and "damaged" in caplog.text


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> Features:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        cached_features(tmp_path, "a", keep=False, compute=fail)
    assert not list(tmp_path.glob("*.npz"))


def test_of_many_processes_one_computes_and_the_others_wait(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(
            target=cached_features, args=(tmp_path, "a"), kwargs={"keep": False, "compute": Counted(tmp_path)}
        )
        for _ in range(10)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 10 and Counted(tmp_path).times == 1


def test_where_nothing_can_be_written_features_are_worked_out_and_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    compute = Counted(tmp_path)
    for _ in range(2):
        assert cached_features(tmp_path / "file" / "cache", "a", keep=False, compute=compute).moments.count == 9
    assert compute.times == 2 and caplog.text.count("cannot be kept for next time (Not a directory)") == 2
