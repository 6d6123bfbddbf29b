"""The memory of a batch, allocated once: which rows are taken, what each holds, and whose beginning can be copied.

A row that is given back keeps its text until it is taken again, the one used longest ago first. A new text copies what
it has in common, from the first token on, with any row, running or finished: token by token compared, so nothing but
the very same beginning is ever taken for it. (GPT-2's positions are absolute: only a beginning can be used again.)
"""

from collections.abc import Sequence

from jaxtyping import Float32

from glassgpt.engine.backend import Backend, Piece
from glassgpt.sampling import Array


class Rows:
    """`count` rows with room for `room` tokens each; beginnings shorter than `shortest` are read, not copied."""

    def __init__(self, backend: Backend, count: int, room: int, shortest: int | None) -> None:
        self._backend, self._shortest = backend, shortest
        self._memory = backend.memory(count, room)
        self._held: list[list[int]] = [[] for _ in range(count)]
        self._free = list(range(count))
        """Those given back last come last."""
        self.copied_tokens = 0
        """How many tokens were copied instead of read."""

    @property
    def room(self) -> int:
        """How many tokens fit into a row."""
        return self._memory.room

    @property
    def free(self) -> int:
        """How many rows are not taken."""
        return len(self._free)

    def held(self, row: int) -> int:
        """How many tokens a row holds."""
        return len(self._held[row])

    def take(self, ids: list[int]) -> int:
        """A free row for a text that begins with `ids`; if possible not the one it will copy from."""
        source, _ = self.longest(ids)
        row = next((row for row in self._free if row != source), self._free[0])
        self._free.remove(row)
        if source in self._free:  # it was of use just now
            self._free.remove(source)
            self._free.append(source)
        return row

    def give(self, row: int) -> None:
        """A row is no longer needed; what it holds may be."""
        self._free.append(row)

    def longest(self, ids: list[int]) -> tuple[int, int]:
        """The row that holds most of the beginning of `ids`, and how much of it is worth copying."""
        if self._shortest is None or len(ids) <= self._shortest:
            return -1, 0
        most, row = max((self.shared(held, ids), -row) for row, held in enumerate(self._held))
        return (-row, most) if most else (-1, 0)

    def shared(self, held: list[int], ids: list[int]) -> int:
        """How much of `ids` can be copied from a row that holds `held`: never all, so that there is one to read."""
        least = self._shortest
        if least is None or len(ids) <= least or held[:least] != ids[:least]:
            return 0
        return min(common(held, ids), len(ids) - 1)

    def begin(self, row: int, ids: list[int]) -> None:
        """Let a row hold as much of the beginning of `ids` as is known already."""
        source, length = self.longest(ids)
        if source == row or not length:
            self.cut(row, length)
            return
        self._memory.copy(source, row, length)
        self._held[row] = self._held[source][:length]
        self.copied_tokens += length

    def copy(self, source: int, row: int) -> None:
        """Let a row hold what another one holds."""
        self._memory.copy(source, row, len(self._held[source]))
        self._held[row] = list(self._held[source])

    def cut(self, row: int, length: int) -> None:
        """Forget all but the first `length` tokens of a row."""
        self._memory.cut(row, length)
        del self._held[row][length:]

    def extend(self, pieces: Sequence[Piece]) -> Float32[Array, "N V"]:
        """Read on in some rows; the scores asked for."""
        logits = self._backend.extend(self._memory, pieces)
        for piece in pieces:
            self._held[piece.row] += piece.ids
        return logits

    def forget(self) -> None:
        """After a failure nobody knows what the memory holds."""
        for row in range(len(self._held)):
            self.cut(row, 0)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from the first one on."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)
