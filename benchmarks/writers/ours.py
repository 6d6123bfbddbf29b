"""GlassGPT's native rung."""

from collections.abc import Sequence
from pathlib import Path

import glassgpt
from glassgpt.engine import Backend, Piece
from writers import Ids


class OurWriter:
    """The backend below `generate`, as users get it from `load`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch."""
        memory = self.backend.memory(len(prompts), len(prompts[0]) + count)
        pieces, written = [Piece(row, ids) for row, ids in enumerate(prompts)], []
        for _ in range(count):
            newest = self.backend.extend(memory, pieces).argmax(axis=1).tolist()
            written.append(newest)
            pieces = [Piece(row, [token]) for row, token in enumerate(newest)]
        return [list(row) for row in zip(*written, strict=True)]


def prepare(source: Path, target: Path, form: str) -> None:
    """It reads the folder as it is, and packs it at the first load."""


def open_writer(place: Path, form: str, threads: int) -> OurWriter:
    """`form` is the weights' format, and after a plus that of keys and values."""
    weights, _, kv_cache = form.partition("+")
    lm = glassgpt.load(place, backend="native", weights=weights, kv_cache=kv_cache or None, threads=threads)
    return OurWriter(lm.backend)
