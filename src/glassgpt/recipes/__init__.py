"""Ready settings: functions that return a `Recipe`, by name in `RECIPES`, and recipes read from files."""

from glassgpt.recipes.embedded import embedded, embedded_gpu
from glassgpt.recipes.gpt2 import gpt2, gpt2_large, gpt2_medium, gpt2_xl
from glassgpt.recipes.read import RECIPES, as_toml, named_or_read
from glassgpt.recipes.shakespeare import shakespeare_bpe, shakespeare_char, shakespeare_char_gpu
from glassgpt.recipes.tiny import tiny

__all__ = [
    "RECIPES",
    "as_toml",
    "embedded",
    "embedded_gpu",
    "gpt2",
    "gpt2_large",
    "gpt2_medium",
    "gpt2_xl",
    "named_or_read",
    "shakespeare_bpe",
    "shakespeare_char",
    "shakespeare_char_gpu",
    "tiny",
]
