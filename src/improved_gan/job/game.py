"""`job=game`: two players with one number each, their path as pictures, and the eigenvalues that explain it."""

import importlib.metadata
import platform
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np

from improved_gan.composing import Request
from improved_gan.config import Config
from improved_gan.files import atomic_write
from improved_gan.game import Game, Point, build_game
from improved_gan.game.animation import save_animation
from improved_gan.game.plots import save_distance, save_trajectory
from improved_gan.game.stability import analyse, explanation, words
from improved_gan.game.update import Trajectory, play
from improved_gan.run_folder import RunFolder


def game(request: Request) -> Path:
    """Play the game that `request` asks for, print what came of it and return the folder with path and pictures."""
    folder = RunFolder.of(request)
    if folder.summary().get("status") != "finished":
        folder.acquire()
        try:
            _play(request, folder)
        finally:
            folder.release()
    print_results(folder.summary())
    return folder.path


def _play(request: Request, folder: RunFolder) -> None:
    config = request.config
    wanted = config.game
    assert wanted is not None
    folder.write_config(config)
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.perf_counter()
    played, averaging = build_game(wanted.name), averaging_weights(config)
    start = (wanted.start[0], wanted.start[1])
    trajectory = play(played, wanted.update, wanted.steps, wanted.learning_rate, start, averaging)
    stability = analyse(played, wanted.update, wanted.learning_rate, averaging)
    summary = {
        "status": "running",
        "step": trajectory.steps,
        "total_steps": wanted.steps,
        "seed": config.seed,
        "experiment": request.experiment,
        "game": wanted.name,
        "formula": played.formula,
        "settings": settings(config),
        "equilibrium": played.equilibrium,
        "eigenvalues": _parts(stability.eigenvalues),
        "eigenvalues_with_averaging": _parts(stability.pulled) if stability.pulled else None,
        "spectral_radius": stability.spectral_radius,
        "averaging_exponent": stability.exponent,
        "explanation": explanation(stability, wanted.update),
        "eigenvalues_in_words": words(stability.eigenvalues),
        **findings(played, trajectory),
        "environment": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("improved-gan", "numpy", "matplotlib")},
        },
    }
    try:
        folder.write_summary(summary)
        with atomic_write(folder.path / "trajectory.npz") as file:
            np.savez_compressed(file, x=trajectory.x, y=trajectory.y)  # entry t: after t steps
        heading = settings(config).replace("; ", "\n")
        save_trajectory(folder.path / "trajectory.png", played, trajectory, heading, any(averaging))
        save_distance(folder.path / "distance.png", played, trajectory, heading, stability)
        save_animation(folder.path / "trajectory.gif", played, trajectory, heading, any(averaging))
    except BaseException as error:
        folder.write_summary(summary | {"status": "failed", "reason": str(error) or type(error).__name__})
        raise
    timing = {"started": started, "seconds": round(time.perf_counter() - clock, 2)}
    folder.write_summary(summary | {"status": "finished", "timing": timing})


def averaging_weights(config: Config) -> Point:
    """Historical averaging's weights of x, which minimises as a generator does, and of y; zeros when it is off."""
    averaging = config.technique.historical_averaging
    return (averaging.generator_weight, averaging.discriminator_weight) if averaging.enabled else (0.0, 0.0)


def settings(config: Config) -> str:
    """How the game is played, in a line: `simultaneous steps, learning rate 0.1; historical averaging, weight 1`."""
    wanted, (of_x, of_y) = config.game, averaging_weights(config)
    assert wanted is not None
    weights = f"weight {of_x:g}" if of_x == of_y else f"weights {of_x:g} of x and {of_y:g} of y"
    averaged = f"; historical averaging, {weights}" if of_x or of_y else ""
    return f"{wanted.update} steps, learning rate {wanted.learning_rate:g}{averaged}"


def findings(game: Game, trajectory: Trajectory) -> dict[str, Any]:
    """What was measured: the distance at the end and on the way, and in a word where the players go."""
    distances = trajectory.distances(game.equilibrium)
    final = float(distances[-1])
    powers = [10**power for power in range(9) if 10**power < trajectory.steps]
    tenth = max(1, len(distances) // 10)
    growth = float(distances[-tenth:].max() / max(distances[:tenth].max(), np.finfo(float).tiny))
    return {
        "distance_to_equilibrium": final,
        "distances": {str(step): float(distances[step]) for step in [0, *powers, trajectory.steps]},
        "end": [float(trajectory.x[-1]), float(trajectory.y[-1])],
        "course": "nearer" if growth < 0.9 else "farther" if growth > 1.1 else "circling",
        "overflowed": trajectory.overflowed,
        "metrics": {"distance_to_equilibrium": {"value": final}},
    }


def _parts(eigenvalues: tuple[complex, complex]) -> list[list[float]]:
    """Real and imaginary parts, without the noise of rounding, as JSON has no complex numbers."""
    return [[round(value.real, 12) + 0.0, round(value.imag, 12)] for value in eigenvalues]


def print_results(summary: dict[str, Any]) -> None:
    """A short table of what was asked and measured, and the sentence that explains it, on stdout."""
    x, y = summary["equilibrium"]
    rows = [
        ("game", f"{summary['game']}: V(x, y) = {summary['formula']}"),
        ("played with", summary["settings"]),
        ("equilibrium", f"({x:g}, {y:g})"),
        ("eigenvalues", summary["eigenvalues_in_words"]),
        *((f"distance {int(step):,}", f"{distance:.4g}") for step, distance in summary["distances"].items()),
        (
            "course",
            {"nearer": "nearer and nearer", "farther": "farther and farther", "circling": "in circles"}[
                summary["course"]
            ],
        ),
    ]
    if summary["overflowed"]:
        rows.append(("stopped at", f"step {summary['step']:,}: the next point is beyond the range of numbers"))
    for name, value in rows:
        print(f"{name:<18} {value}")
    print(textwrap.fill(summary["explanation"], 110))
