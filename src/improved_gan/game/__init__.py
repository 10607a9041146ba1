"""Games of two players with one number each: small enough to see why gradient steps need not find an equilibrium.

x minimises V(x, y) and y maximises it, as generator and discriminator do (sections 3 and 3.3). No torch here.
"""

from improved_gan.game.bilinear import Bilinear
from improved_gan.game.dirac import Dirac
from improved_gan.game.nonconvex import Nonconvex
from improved_gan.game.protocol import Game, Point

__all__ = ["Game", "Point", "build_game"]

GAMES: dict[str, Game] = {"bilinear": Bilinear(), "nonconvex": Nonconvex(), "dirac": Dirac()}


def build_game(name: str) -> Game:
    """The game called `name`: bilinear, nonconvex or dirac."""
    return GAMES[name]
