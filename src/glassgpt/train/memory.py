"""Out of memory, in words that help."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from glassgpt.errors import OutOfMemory
from glassgpt.train.recipe import Recipe

SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "bad alloc")
"""What PyTorch's RuntimeErrors say when the CPU's memory is gone, on Linux, Windows and elsewhere."""


@contextmanager
def explain_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Turn the many errors of a full memory into OutOfMemory, with what to change in the recipe."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(f"This run does not fit into memory ({_first_line(error)}). {advice(recipe)}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory is gone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return any(sign in text for sign in SIGNS)


def advice(recipe: Recipe) -> str:
    """Settings that need less memory and give the same update, those that help most first."""
    ways = []
    if recipe.micro_rows > 1:
        fewer = next(size for size in range(recipe.micro_rows // 2, 0, -1) if recipe.rows % size == 0)
        ways.append(f"micro_rows={fewer} (rows stay {recipe.rows})")
    if not recipe.recompute:
        ways.append("recompute=true")
    if recipe.loss_rows == 0 or recipe.loss_rows > 128:
        ways.append("loss_rows=128")
    if recipe.saving.background:
        ways.append("saving.background=false")
    if not ways:
        return "Nothing in the recipe is left to shrink but the model. Its newest checkpoint is whole."
    return f"Try {', '.join(ways)}: each gives the same update with less memory. The newest checkpoint is whole."


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
