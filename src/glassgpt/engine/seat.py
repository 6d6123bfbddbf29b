"""What has a place in the batch: one sample of a request, or a whole beam search."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from jaxtyping import Float32

from glassgpt.engine.backend import Piece
from glassgpt.engine.draft import Draft
from glassgpt.engine.draw import Place, is_drawn
from glassgpt.engine.lookup import Lookup
from glassgpt.engine.request import TokenLogprob, nothing_left, outgrown, seen
from glassgpt.engine.rows import Rows
from glassgpt.engine.stream import Stream
from glassgpt.sampling import Array


@dataclass(eq=False)
class Seat:
    """Something that reads, then writes; it has its rows from admission to the end."""

    stream: Stream
    ids: list[int]
    """What its first row must hold before the next token can be drawn: the text, or the tail of it that is seen."""
    width: int
    """How many rows it needs."""
    rows: list[int] = field(default_factory=list, init=False)
    """The rows it has."""
    has_begun: bool = field(default=False, init=False)
    """Whether the first row holds the beginning of `ids`, not yet something else."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.stream.is_over

    def unread(self, memory: Rows) -> int:
        """How many tokens must be read before the next one can be drawn: 1 while the text is being written."""
        return len(self.ids) - memory.held(self.rows[0])

    def pieces(self, memory: Rows, most: int, guesses: int) -> list[Piece]:
        """What to read next: at most so many tokens, and so many guesses if that is all there is to read."""
        held = memory.held(self.rows[0])
        ids = self.ids[held : held + most]
        return [Piece(self.rows[0], ids, int(held + len(ids) == len(self.ids)))]


@final
class TextSeat(Seat):
    """A text that is being written token by token."""

    def __init__(self, stream: Stream, draft: Draft) -> None:
        super().__init__(stream, seen(draft.row.text, draft.context), 1)
        self.draft = draft
        self.guesses: list[int] = []
        """What is being checked in this step."""
        self._lookup: Lookup | None = None

    @property
    def is_over(self) -> bool:
        """Whether the text has ended."""
        return self.draft.finish_reason is not None or self.stream.is_over

    def pieces(self, memory: Rows, most: int, guesses: int) -> list[Piece]:
        """The next token, and what may come after it; or a part of the prompt."""
        piece = super().pieces(memory, most, guesses)[0]
        self.guesses = []
        if piece.scored and self.draft.job.params.speculate:
            self._lookup = self._lookup or Lookup(self.draft.row.text)
            left = self.draft.job.params.max_new_tokens - self.draft.row.written - 1
            self.guesses = self._lookup.guess(min(guesses, left, memory.room - len(self.ids)))
        return [Piece(piece.row, [*piece.ids, *self.guesses], piece.scored + len(self.guesses))]

    def places(self) -> list[Place]:
        """Where tokens are drawn in this step."""
        return self.draft.places(self.guesses)

    def take(
        self, drawn: Sequence[tuple[int, TokenLogprob | None]], logits: Float32[Array, "P V"], memory: Rows
    ) -> None:
        """Write what was drawn at each place, as far as the guesses were right."""
        length = len(self.ids)
        for place, (token, logprob) in enumerate(drawn):
            if not is_drawn(token):
                self.stream.fail(nothing_left(self.draft.row, logits[place]))
                return
            self.ids.append(token)
            self.stream.tell(self.draft.push(token, logprob))
            if self._lookup is not None:
                self._lookup.push(token)
            if self.is_over or self.guesses[place : place + 1] != [token]:
                break
        right = len(self.ids) - length - 1
        if self._lookup is not None:
            self._lookup.learn(len(self.guesses), right)
        memory.cut(self.rows[0], length + right)
        if outgrown(self.draft.row.text, self.draft.context):
            self.ids, self.has_begun = seen(self.draft.row.text, self.draft.context), False
