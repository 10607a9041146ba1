"""The numbers of each phenomenon's table, worked out from logs whose answer is known."""

from pathlib import Path

from made_phenomena import make_run
from PIL import Image

from improved_gan.phenomenon import draw_phenomenon


def table(root: Path, name: str) -> list[dict[str, str]]:
    """The lines of the table that the phenomenon ends with; its picture must be a picture."""
    picture = draw_phenomenon(name, root)
    assert picture is not None
    with Image.open(picture) as opened:
        assert len(opened.convert("RGB").getcolors(1 << 24)) > 10
    names, _, *lines = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in (root / "report" / "phenomenon.md").read_text().splitlines()
    ]
    return [dict(zip(names, line, strict=True)) for line in lines]


def test_mode_collapse_counts_modes_and_changes(tmp_path: Path) -> None:
    cycling = [[90, 5, 5], [0, 100, 0], [0, 0, 100], [100, 0, 0]]
    steady = [[30, 30, 40]] * 4
    for ablation, counts, modes in (("none", cycling, 1), ("with_packing", steady, 3)):
        for seed in (1, 2):
            log = [{"step": 50 * k, "mode_counts": of_modes} for k, of_modes in enumerate(counts)]
            final = {"modes_captured": modes, "high_quality_fraction": 0.5, "mode_kl": 0.25}
            folder = make_run(tmp_path, "mode_collapse_ring", [f"ablation={ablation}", f"seed={seed}"], final, log)
            for step in (0, 50):
                (folder / "samples").mkdir(exist_ok=True)
                Image.new("RGB", (40, 40), (step, 0, 0)).save(folder / "samples" / f"step_{step:06d}.png")
    lines = {line["row"]: line for line in table(tmp_path, "mode_collapse")}
    assert lines.keys() == {"no technique", "packing"}
    assert lines["no technique"]["modes"] == "1.0 ± 0.0"
    assert lines["no technique"]["fewest modes on the way"] == "1.0 ± 0.0"
    assert lines["no technique"]["changes of the fullest mode"] == "3.0 ± 0.0"
    assert lines["packing"]["changes of the fullest mode"] == "0.0 ± 0.0"
    assert lines["packing"]["high quality, %"] == "50.0 ± 0.0"
    with Image.open(tmp_path / "report" / "phenomenon.gif") as animation:
        assert animation.n_frames == 2
        assert animation.size == (400, 232)


def test_oscillation_measures_the_second_half(tmp_path: Path) -> None:
    for weight, swing in (("0", 1.0), ("0.1", 0.0)):
        log = [
            {
                "step": step,
                "generator_loss": swing * (-1) ** step,
                "discriminator_loss": 0.5 * swing * (-1) ** step,
                "generator_position/1": 0.2 * swing * (-1) ** step,
                "generator_position/2": 0.0,
            }
            for step in range(40)
        ]
        overrides = [f"technique.historical_averaging.weight={weight}", "seed=1"]
        make_run(tmp_path, "oscillation", overrides, {"modes_captured": 4}, log)
    off, on = table(tmp_path, "oscillation")
    assert off["swing of the generator's loss"] == "1.000"
    assert off["swing of the discriminator's"] == "0.500"
    assert off["wandering of the generator's weights"] == "0.2000"
    assert on["wandering of the generator's weights"] == "0.0000"


def test_vanishing_gradient_compares_first_and_last(tmp_path: Path) -> None:
    for objective, last in (("minimax", 0.01), ("wasserstein", 4.0)):
        log = [
            {"step": 10, "generator_gradient_norm": 2.0, "discriminator_batch_accuracy": 0.5},
            {"step": 20, "generator_gradient_norm": last, "discriminator_batch_accuracy": 0.9},
        ]
        make_run(tmp_path, "vanishing_gradient", [f"objective={objective}", "seed=1"], {}, log)
    lines = {line["objective"]: line for line in table(tmp_path, "vanishing_gradient")}
    assert lines["minimax"]["last quarter / first"] == "0.005000"
    assert lines["wasserstein"]["last quarter / first"] == "2.000000"
    assert lines["minimax"]["accuracy, last"] == "0.900"


def test_balance_measures_the_gap_between_training_and_held_out(tmp_path: Path) -> None:
    for matching, k, gap in (("false", 1, 0.0), ("false", 10, 0.5), ("true", 10, 0.25)):
        overrides = [f"technique.feature_matching.enabled={matching}", f"training.discriminator_steps={k}", "seed=1"]
        log = [{"step": step, "log_d_train": -0.5, "log_d_held_out": -0.5 - gap * step} for step in (0, 1)]
        make_run(tmp_path, "balance", overrides, {"frechet_classifier_distance": 3.0 + k}, log)
    lines = [(line["K"], line["log D, training less held out"]) for line in table(tmp_path, "balance")]
    assert lines == [("1", "0.000"), ("10", "0.500"), ("10", "0.250")]


def test_stacked_mnist_shows_modes_and_samples(tmp_path: Path) -> None:
    for ablation, modes in (("none", 100.0), ("with_packing", 900.0)):
        folder = make_run(
            tmp_path, "stacked_mnist", [f"ablation={ablation}", "seed=1"], {"modes_captured": modes, "mode_kl": 1}
        )
        (folder / "samples").mkdir()
        Image.new("RGB", (40, 40)).save(folder / "samples" / "step_000000.png")
    lines = {line["row"]: (line["modes of 1000"], line["minutes per run"]) for line in table(tmp_path, "stacked_mnist")}
    assert lines == {"no technique": ("100.0", "1.5"), "packing": ("900.0", "1.5")}
