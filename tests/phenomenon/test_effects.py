"""The phenomena themselves, in short runs. Margins were fixed on seeds 101 and 102; tests use others."""

from pathlib import Path

import pytest

from improved_gan.cli import run

pytestmark = pytest.mark.integration


def lines_of(experiment: str, *overrides: str, root: Path) -> list[list[str]]:
    """The cells of the table that a multirun of the experiment ends with."""
    arguments = ["-m", f"experiment=phenomenon/{experiment}", f"output_root={root}", "tracking.mode=disabled"]
    assert run([*arguments, *overrides]) == 0
    table = (root / "phenomenon" / experiment / "report" / "phenomenon.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_a_saturating_loss_vanishes_and_the_others_do_not(tmp_path: Path) -> None:
    lines = lines_of(
        "vanishing_gradient", "seed=5", "training.steps=100", "metrics.names=[]", "device=cpu", root=tmp_path
    )
    ratios = {line[0]: float(line[4]) for line in lines}
    assert ratios["minimax"] < 0.05
    assert ratios["non saturating"] > 0.5
    assert ratios["wasserstein"] > 0.5


def test_a_generator_that_runs_ahead_goes_from_mode_to_mode(tmp_path: Path) -> None:
    (line,) = lines_of("mode_collapse_ring", "seed=5", "ablation=none", "training.steps=600", root=tmp_path)
    fewest, changes = float(line[5]), float(line[6])
    assert fewest <= 3
    assert changes >= 4


def test_the_trained_discriminator_is_the_optimal_one(tmp_path: Path) -> None:
    lines = lines_of("optimal_discriminator", "seed=5", "training.steps=1000", root=tmp_path)
    assert [line[0] for line in lines] == ["1", "0.75"]
    errors, largest, best = ([float(line[cell]) for line in lines] for cell in (2, 3, 4))
    assert max(errors) < 0.05
    assert largest == pytest.approx(best, abs=0.05)
    assert best[1] == pytest.approx(0.75 * best[0], abs=0.002)
