"""Texts in, scores out, and no beginning is read twice: the memory behind a person who goes back and forth.

A tree of stories shares its trunk. Each row of the memory holds one text; a new text takes over the longest beginning
that any row holds, by going on in that row where it ends there, otherwise in a copy, so that both branches stay. The
row that was not used for longest makes room. What was reused changes no number: that is the backend's promise.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float32

from glassgpt.engine.backend import Backend, Memory, Piece
from glassgpt.engine.request import check_ids
from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.sampling import Array


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model makes of a text, and what that cost."""

    logits: Float32[Array, " V"]
    """Scores of the token that comes next."""
    reused: int
    """How many tokens at the beginning had been read before."""
    new: int
    """How many were read now: at least the last one, for its scores are wanted."""
    seconds: float
    row: int
    """The row of the memory that holds the text now."""


class Prefixes:
    """A memory of the texts that were read last, `rows` of them at most."""

    def __init__(self, backend: Backend, rows: int = 16, room: int | None = None) -> None:
        """`room` is how many tokens a text may have; None stands for the model's whole context."""
        self.room = min(room or backend.config.context_length, backend.config.context_length)
        self._backend = backend
        self._memory: Memory = backend.memory(max(1, min(rows, backend.most_rows(self.room))), self.room)
        self._texts: list[list[int]] = [[] for _ in self._memory.lengths]
        self._used = [0] * len(self._texts)
        self._clock = 0

    @property
    def held(self) -> list[list[int]]:
        """The texts in memory, the one used last first."""
        order = sorted(range(len(self._texts)), key=lambda row: -self._used[row])
        return [list(self._texts[row]) for row in order if self._texts[row]]

    def read(self, ids: Sequence[int], *, afresh: bool = False) -> Reading:
        """Score what comes after a text; `afresh` reads all of it, which shows what the memory saves."""
        text = self._checked(ids)
        start = time.perf_counter()
        row, reused = self._place(text, afresh)
        self._texts[row] = text[:reused]  # so that an interrupted read leaves no wrong text behind
        self._memory.cut(row, reused)
        logits = self._backend.extend(self._memory, [Piece(row, text[reused:])])[0]
        if not afresh:  # a comparison leaves no second copy behind
            self._texts[row] = text
            self._touch(row)
        return Reading(logits, reused, len(text) - reused, time.perf_counter() - start, row)

    def _checked(self, ids: Sequence[int]) -> list[int]:
        text = [int(token) for token in ids]
        if not text:
            raise InvalidParameter("ids", text, "a text has at least one token; the end-of-text token begins one")
        if len(text) > self.room:
            raise ContextOverflow(f"the text has {len(text):,} tokens; there is room for {self.room:,}. Shorten it.")
        check_ids("ids", text, self._backend.config)
        return text

    def _place(self, text: list[int], afresh: bool) -> tuple[int, int]:
        """The row to read in, and how much of the text it holds already."""
        if afresh:
            return self._oldest(), 0
        shares = [_shared(text[:-1], other) for other in self._texts]
        ends = [other in (text, text[:share]) for other, share in zip(self._texts, shares, strict=True)]
        best = max(range(len(shares)), key=lambda row: (shares[row], ends[row], self._used[row]))
        if shares[best] and ends[best]:
            return best, shares[best]  # it is that text, or goes on where that one ends
        if not shares[best]:
            return self._oldest(), 0
        self._touch(best)  # the other branch is in use too
        row = self._oldest()
        if row != best:
            self._memory.cut(row, 0)
            self._memory.copy(best, row, shares[best])
        return row, shares[best]

    def _oldest(self) -> int:
        return min(range(len(self._used)), key=self._used.__getitem__)

    def _touch(self, row: int) -> None:
        self._clock += 1
        self._used[row] = self._clock


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts have in common at their beginning."""
    length = min(len(one), len(other))
    return next((place for place in range(length) if one[place] != other[place]), length)
