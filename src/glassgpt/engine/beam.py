"""Beam search: keep the few likeliest texts, extend each by its likeliest tokens, keep the few likeliest again.

The rules are those of Hugging Face's `generate`: log-probabilities are filtered, then summed; of the best candidates
the unfinished ones run on, and a finished one counts only if it is among the first `num_beams`. A finished text's score
is its sum divided by its length to the power of `length_penalty`.
"""

from dataclasses import dataclass, field, replace
from math import inf
from typing import final

from jaxtyping import Float32

from glassgpt.engine.backend import Piece
from glassgpt.engine.draft import Draft
from glassgpt.engine.request import Decoder, Job, TokenLogprob, nothing_left
from glassgpt.engine.rows import Rows
from glassgpt.engine.score import token_logprobs
from glassgpt.engine.seat import Seat
from glassgpt.engine.stream import Stream
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import Array, Row, library, process


@dataclass(frozen=True, slots=True)
class Beam:
    """One way to go on: what was written, the sum of its log-probabilities, and which beam it extends."""

    ids: tuple[int, ...]
    total: float
    parent: int = 0
    likely: tuple[TokenLogprob | None, ...] = ()
    """How likely the model found each token, if asked."""


@dataclass(slots=True)
class Search:
    """The state between two steps of one search."""

    job: Job
    longest: int
    """The most tokens that may be written."""
    running: list[Beam] = field(default_factory=lambda: [Beam((), 0.0)])
    finished: list[tuple[float, Beam]] = field(default_factory=list)
    over: bool = False

    @property
    def rows(self) -> list[Row]:
        """The running texts, as the filters see them."""
        job = self.job
        return [Row(job.params, [*job.prompt, *beam.ids], len(beam.ids), job.ends) for beam in self.running]

    def advance(self, candidates: list[Beam]) -> None:
        """Choose what runs on and what is finished among the candidates, best first."""
        beams, written = self.job.params.num_beams, len(candidates[0].ids) if candidates else 0
        ended = [written == self.longest or beam.ids[-1] in self.job.ends for beam in candidates]
        pairs = list(zip(candidates, ended, strict=True))
        self.running = [beam for beam, end in pairs if not end][:beams]
        for beam, end in pairs[:beams]:
            if end:
                self.finished.append((beam.total / self._weight(written), beam))
        self.finished = sorted(self.finished, key=lambda entry: -entry[0])[:beams]
        self.over = not self.running or self._is_settled(written)

    def _is_settled(self, written: int) -> bool:
        """Whether no running text can still matter; an estimate unless `early_stopping` is "never"."""
        params = self.job.params
        if len(self.finished) < params.num_beams:
            return False
        if params.early_stopping is True:
            return True
        hopeful = params.early_stopping == "never" and params.length_penalty > 0
        best = self.running[0].total / self._weight(self.longest if hopeful else written)
        return best <= self.finished[-1][0]

    def _weight(self, length: int) -> float:
        return length**self.job.params.length_penalty


@final
class BeamSeat(Seat):
    """A beam search in the batch: it has a row for each beam, and tells its texts when all are found."""

    def __init__(self, stream: Stream, context: int, decoder: Decoder | None) -> None:
        job = stream.job
        super().__init__(stream, list(job.prompt), job.params.num_beams)
        self._context, self._decoder = context, decoder
        self._search = Search(job, min(job.params.max_new_tokens, context - len(job.prompt)))
        self._at: list[int] = []
        """The row of each running beam; empty while the prompt is being read."""

    def unread(self, memory: Rows) -> int:
        """One token a beam, once the prompt is read."""
        return 1 if self._at else super().unread(memory)

    def pieces(self, memory: Rows, most: int, guesses: int) -> list[Piece]:
        """The last token of each beam, or a part of the prompt."""
        if not self._at:
            return super().pieces(memory, most, guesses)
        pairs = zip(self._at, self._search.running, strict=True)
        return [Piece(row, [beam.ids[-1]]) for row, beam in pairs]

    def take(self, logits: Float32[Array, "B V"], memory: Rows, allowed: int | None) -> None:
        """Go one token further with all beams."""
        search = self._search
        candidates = _candidates(logits, search, allowed)
        if not candidates and not search.finished:
            self.stream.fail(nothing_left(search.rows[0], logits[0]))
            return
        search.advance(candidates)
        self._tell() if search.over else self._follow(memory)

    def _follow(self, memory: Rows) -> None:
        """A beam goes on in the row of the one it extends; if several do, all but the first in a copy of it."""
        before = self._at or self.rows[:1]
        parents = [before[beam.parent] for beam in self._search.running]
        spare = [row for row in self.rows if row not in parents]
        self._at = []
        for parent in parents:
            row = parent
            if parent in self._at:
                row = spare.pop()
                memory.copy(parent, row)
            self._at.append(row)

    def _tell(self) -> None:
        """The best texts, token by token like others."""
        job, found = self.stream.job, self._search.finished
        if len(found) < job.params.n:
            rule = f"beam search found only {len(found)} texts: ask for fewer"
            self.stream.fail(InvalidParameter("n", job.params.n, rule))
            return
        for sample, (score, beam) in enumerate(found[: job.params.n]):
            draft = Draft(job, sample, self._context, self._decoder)
            for token, likely in zip(beam.ids, beam.likely, strict=True):
                event = draft.push(token, likely)
                self.stream.tell(event if event.finish_reason is None else replace(event, score=score))


def _candidates(logits: Float32[Array, "B V"], search: Search, allowed: int | None) -> list[Beam]:
    """The best ways to extend all running texts by one token, enough that `num_beams` of them are unfinished."""
    a = library(logits)
    logprobs = process(a.log_softmax(logits), search.rows, allowed, warp=False)
    totals = a.floats([beam.total for beam in search.running], logprobs)
    flat = (logprobs + totals[:, None]).reshape(-1)
    count = min(max(2, 1 + len(search.job.ends)) * search.job.params.num_beams, len(flat))
    values, places = a.largest(flat, count)
    size = logits.shape[-1]
    pairs = zip(values.tolist(), places.tolist(), strict=True)
    ordered = sorted(((total, place) for total, place in pairs if total > -inf), key=lambda p: (-p[0], p[1]))
    parents, tokens = [place // size for _, place in ordered], [place % size for _, place in ordered]
    likely = token_logprobs(logits[parents], tokens, [search.job.params.logprobs] * len(tokens))
    return [
        Beam((*beam.ids, token), total, parent, (*beam.likely, note))
        for (total, _), parent, token, note in zip(ordered, parents, tokens, likely, strict=True)
        for beam in [search.running[parent]]
    ]
