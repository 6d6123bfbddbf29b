"""Ready settings: functions that return a `Recipe`, by name in `RECIPES`."""

from collections.abc import Callable

from glassgpt.recipes.embedded import embedded
from glassgpt.recipes.tiny import tiny
from glassgpt.train import Recipe

RECIPES: dict[str, Callable[[int], Recipe]] = {"tiny": tiny, "embedded": embedded}
"""Each takes the size of the vocabulary, which the data decides."""

__all__ = ["RECIPES", "embedded", "tiny"]
