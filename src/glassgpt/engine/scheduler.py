"""Many requests, one model: who reads and writes in each step. The only loop there is.

    step:   drop what was cancelled → admit who waits, first come first served, while there are rows
            → one token of each text that is being written, and a part of those prompts that are still being read
            → one call of the backend → one draw → events

A request is admitted only when its rows are free, and a row has room for all it may write: nothing that runs can fail
for lack of memory later. Prompts are read in parts, so many tokens a step, so that who writes is not kept waiting.

The contract: the same request gives the same ids and the same log-probabilities, to the bit, whoever else is there,
whenever it came, and whatever was copied, cut to pieces or guessed. It follows from a backend whose rows do not depend
on their neighbours, from filters that work row by row, and from noise that is a function of (seed, sample, position,
token).
"""

import itertools
import threading
from collections import deque
from dataclasses import dataclass

from jaxtyping import Float32

from glassgpt.engine.backend import Backend, Piece
from glassgpt.engine.beam import BeamSeat
from glassgpt.engine.budget import Budget
from glassgpt.engine.draft import Draft
from glassgpt.engine.draw import draw
from glassgpt.engine.request import Decoder, Job, Request, accept
from glassgpt.engine.rows import Rows
from glassgpt.engine.seat import Seat, TextSeat
from glassgpt.engine.stream import Listener, Stream
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import Array, library

LEAST_READ = 16
"""How many tokens of prompts are read in one step at least, however long that takes."""
MOST_GUESSES = 64
"""How many guessed tokens are checked in one step."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done at once. None of it changes a text."""

    rows: int = 64
    """How many texts are remembered, written and finished ones; fewer if the backend has no memory for so many."""
    running: int = 64
    """How many of them are written side by side."""
    room: int | None = None
    """How many tokens each of them may have, prompt included; None: as many as the model sees."""
    budget: int | None = None
    """How many tokens of prompts are read in one step while others are being written; None: so many that the step
    lasts at most `stretch` times as long as without."""
    stretch: float = 2.5
    alone: int = 512
    """How many tokens of prompts are read in one step while nobody writes."""
    shortest: int | None = 16
    """Beginnings of at least this many tokens are copied from another text that has them too; None: never."""


class Scheduler:
    """Owns the memory, and decides. `submit` and `cancel` may be called from any thread, `step` too."""

    def __init__(self, backend: Backend, decoder: Decoder | None = None, limits: Limits | None = None) -> None:
        self._backend, self._decoder, self._limits = backend, decoder, limits or Limits()
        self._context = backend.config.context_length
        self._allowed = None if decoder is None else decoder.vocab_size
        room = min(self._limits.room or self._context, self._context)
        self._count = min(self._limits.rows, backend.most_rows(room))
        self._rows = Rows(backend, self._count, room, self._limits.shortest)
        self._budget = Budget(LEAST_READ, max(LEAST_READ, self._limits.alone), self._limits.stretch)
        self._numbers = itertools.count()
        self._waiting: deque[Seat] = deque()
        self._seats: list[Seat] = []
        self._turn = threading.Lock()

    def submit(self, request: Request, listener: Listener | None = None) -> Stream:
        """Check a request and let it wait for its turn; its events come from the stream, or to the listener."""
        return self.add(accept(next(self._numbers), request, self._backend.config, self._decoder), listener)

    def add(self, job: Job, listener: Listener | None = None) -> Stream:
        """The same for one that was checked already."""
        if job.room(self._context) > self._rows.room:
            rule = f"with a prompt of {len(job.prompt):,} tokens; there is room for {self._rows.room:,} in all"
            raise InvalidParameter("max_new_tokens", job.params.max_new_tokens, rule)
        stream = Stream(job, self.step, listener)
        self._waiting.extend(self._seats_for(stream))
        return stream

    def step(self) -> bool:
        """Go one step further; False if there is nothing left to do. If the backend fails, so does all that runs."""
        with self._turn:
            try:
                self._dismiss()
                self._admit()
                self._advance()
            except BaseException as error:
                self._give_up(error)
                if not isinstance(error, Exception):
                    raise
            self._dismiss()
            return bool(self._seats or self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits and no row is taken."""
        return not self._waiting and self._rows.free == self._count

    def _seats_for(self, stream: Stream) -> list[TextSeat] | list[BeamSeat]:
        job = stream.job
        if job.params.num_beams == 1:
            return [TextSeat(stream, Draft(job, n, self._context, self._decoder)) for n in range(job.params.n)]
        if job.params.num_beams > min(self._count, self._limits.running):
            rule = f"there is memory for {self._count} beams of {self._rows.room:,} tokens"
            raise InvalidParameter("num_beams", job.params.num_beams, rule)
        return [BeamSeat(stream, self._context, self._decoder)]

    def _dismiss(self) -> None:
        for seat in self._seats:
            if seat.is_over:
                for row in seat.rows:
                    self._rows.give(row)
        self._seats = [seat for seat in self._seats if not seat.is_over]

    def _admit(self) -> None:
        """Who came first goes first, even if a smaller one behind would fit: nobody waits for ever."""
        running = sum(seat.width for seat in self._seats)
        while self._waiting:
            seat = self._waiting[0]
            if not seat.is_over:
                if seat.width > self._rows.free or seat.width + running > self._limits.running:
                    return
                seat.rows = [self._rows.take(seat.ids) for _ in range(seat.width)]
                running += seat.width
                self._seats.append(seat)
            self._waiting.popleft()

    def _advance(self) -> None:
        """One call of the backend, and what follows from it."""
        began = self._budget.clock()
        plan = self._plan()
        if not plan:
            return
        reading = [seat.unread(self._rows) > 1 for seat in plan]
        read = sum(len(pieces[0].ids) for pieces, reads in zip(plan.values(), reading, strict=True) if reads)
        logits = self._rows.extend([piece for pieces in plan.values() for piece in pieces])
        texts: dict[TextSeat, Array] = {}
        start = 0
        for seat, pieces in plan.items():
            scored = logits[start : start + sum(piece.scored for piece in pieces)]
            start += len(scored)
            if isinstance(seat, TextSeat) and len(scored):
                texts[seat] = scored
            elif isinstance(seat, BeamSeat) and len(scored):
                seat.take(scored, self._rows, self._allowed)
        if texts:
            whole = sum(map(len, texts.values())) == len(logits)
            self._write(texts, logits if whole else library(logits).concatenate([*texts.values()]))
        self._budget.learn(self._budget.clock() - began, written=reading.count(False), read=read)

    def _write(self, texts: dict[TextSeat, Array], logits: Float32[Array, "N V"]) -> None:
        """Draw for all texts at once, then let each take what is its own."""
        drawn = draw(logits, [place for seat in texts for place in seat.places()], self._allowed)
        start = 0
        for seat, scored in texts.items():
            seat.take(drawn[start : start + len(scored)], scored, self._rows)
            start += len(scored)

    def _plan(self) -> dict[Seat, list[Piece]]:
        """Who reads what in this step: those who write the next token, those who read a part of the budget."""
        self._begin()
        unread = {seat: seat.unread(self._rows) for seat in self._seats if seat.has_begun}
        budget = (self._limits.budget or self._budget.tokens()) if 1 in unread.values() else self._limits.alone
        guesses = MOST_GUESSES
        plan: dict[Seat, list[Piece]] = {}
        for seat, count in unread.items():
            if count > 1:
                count = min(count, budget)
                budget -= count
            if count:
                plan[seat] = seat.pieces(self._rows, count, guesses)
                guesses -= plan[seat][0].scored - 1 if plan[seat][0].scored else 0
        return plan

    def _begin(self) -> None:
        """Let new texts copy their beginnings; if another text is just about to read more of one, wait for that."""
        reading = [seat for seat in self._seats if seat.has_begun and seat.unread(self._rows) > 1]
        for seat in self._seats:
            if not seat.has_begun:
                known = self._rows.longest(seat.ids)[1]
                if not any(self._rows.shared(other.ids, seat.ids) > known for other in reading):
                    self._rows.begin(seat.rows[0], seat.ids)
                    seat.has_begun = True
                    reading.append(seat)

    def _give_up(self, error: BaseException) -> None:
        """Nobody knows what the memory holds now: all that runs ends, who waits may still succeed."""
        for seat in self._seats:
            seat.stream.fail(error) if isinstance(error, Exception) else seat.stream.cancel()
        self._rows.forget()
