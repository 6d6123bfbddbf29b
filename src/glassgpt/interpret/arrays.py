"""Tensors in, what people read out: NumPy arrays, shares, words."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from glassgpt.errors import InvalidParameter

Spell = Callable[[int], str]
"""How an id is written for a reader; a tokenizer's `spell` does it."""


def array(values: Tensor) -> Float32[np.ndarray, "..."]:
    """Numbers for a reader, in float32 whatever the model computes in."""
    return values.detach().float().cpu().numpy()


def number(token: int) -> str:
    """An id as itself, where there is no tokenizer."""
    return f"#{token}"


def share(value: float) -> str:
    """A probability in as many digits as mean something."""
    percent = 100 * value
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.1g} %"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def quoted(word: str) -> str:
    """A word as a reader meets it in a sentence."""
    return f"‘{word}’"


def place(name: str, value: int, count: int) -> int:
    """A position counted from either end, as Python counts; refused outside."""
    if not -count <= value < count:
        raise InvalidParameter(name, value, f"must be from {-count} to {count - 1}")
    return value % count
