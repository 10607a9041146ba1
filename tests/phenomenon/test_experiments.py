"""Each phenomenon is one command: its experiment composes, names a picture that there is, and carries its own sweep."""

from importlib import import_module

import pytest

from improved_gan.composing import compose_jobs, groups
from improved_gan.config import UsageError
from improved_gan.schema import files_of

EXPERIMENTS = [name for name in groups()["experiment"] if name.startswith("phenomenon/")]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_a_sweep_with_a_picture(name: str) -> None:
    requests = compose_jobs(["-m", f"experiment={name}"])
    assert len(requests) > 1
    assert len({request.digest for request in requests}) == len(requests)
    assert {request.experiment for request in requests} == {name}
    (phenomenon,) = {request.config.phenomenon for request in requests}
    assert callable(import_module(f"improved_gan.phenomenon.{phenomenon}").draw)


def test_every_picture_has_an_experiment() -> None:
    assert {compose_jobs([f"experiment={name}"])[0].config.phenomenon for name in EXPERIMENTS} == set(
        files_of("phenomenon")
    )


def test_the_command_line_goes_before_an_experiments_own_sweep() -> None:
    requests = compose_jobs(["-m", "experiment=phenomenon/batch_effects", "seed=7"])
    assert [request.config.seed for request in requests] == [7, 7]
    toggles = [request.config.technique.virtual_batch_norm.enabled for request in requests]
    assert toggles == [False, True]


def test_a_single_run_takes_no_sweep() -> None:
    assert len(compose_jobs(["experiment=phenomenon/batch_effects"])) == 1


def test_what_draws_the_picture_is_no_part_of_a_run() -> None:
    (plain,) = compose_jobs(["experiment=phenomenon/batch_effects"])
    (without,) = compose_jobs(["experiment=phenomenon/batch_effects", "phenomenon=null"])
    assert plain.digest == without.digest


def test_an_unknown_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="phenomenon=rainbow: must be one of balance"):
        compose_jobs(["phenomenon=rainbow"])
