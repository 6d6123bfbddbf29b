"""Ready settings: functions that return a `Recipe`, by name in `RECIPES`."""

from glassgpt.recipes.embedded import embedded
from glassgpt.recipes.tiny import tiny

RECIPES = {"tiny": tiny, "embedded": embedded}
"""Each takes the size of the vocabulary, which the data decides."""

__all__ = ["RECIPES", "embedded", "tiny"]
