"""Beam search: keep the few likeliest texts, extend each by its likeliest tokens, keep the few likeliest again.

The rules are those of Hugging Face's `generate`: log-probabilities are filtered, then summed; of the best candidates
the unfinished ones run on, and a finished one counts only if it is among the first `num_beams`. A finished text's score
is its sum divided by its length to the power of `length_penalty`.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float32
from torch import Tensor

from glassgpt.engine.backend import Backend
from glassgpt.engine.request import Job, nothing_left
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import Row, process


@dataclass(frozen=True, slots=True)
class Beam:
    """One way to go on: what was written, the sum of its log-probabilities, and which beam it extends."""

    ids: tuple[int, ...]
    total: float
    parent: int = 0


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


def beam_search(backend: Backend, job: Job, allowed: int | None) -> list[tuple[float, tuple[int, ...]]]:
    """The `n` best texts with their scores, best first; fewer if there are no more. Ids from `allowed` are padding."""
    longest = min(job.params.max_new_tokens, backend.config.context_length - len(job.prompt))
    search = Search(job, longest)
    room = job.room(backend.config.context_length)
    if job.params.num_beams > backend.most_rows(room):
        rule = f"there is memory for {backend.most_rows(room)} beams of {room:,} tokens"
        raise InvalidParameter("num_beams", job.params.num_beams, rule)
    memory, logits = backend.prefill([job.prompt], room)
    while True:
        candidates = _candidates(logits, search, allowed)
        if not candidates and not search.finished:
            raise nothing_left(search.rows[0], logits[0])
        search.advance(candidates)
        if search.over:
            return [(score, beam.ids) for score, beam in search.finished[: job.params.n]]
        memory.select([beam.parent for beam in search.running])
        logits = backend.decode(memory, [beam.ids[-1] for beam in search.running])


@torch.inference_mode()
def _candidates(logits: Float32[Tensor, "B V"], search: Search, allowed: int | None) -> list[Beam]:
    """The best ways to extend all running texts by one token, enough that `num_beams` of them are unfinished."""
    logprobs = process(logits.log_softmax(dim=-1), search.rows, allowed, warp=False)
    totals = torch.tensor([beam.total for beam in search.running], dtype=logprobs.dtype, device=logprobs.device)
    flat = (logprobs + totals[:, None]).flatten()
    count = min(max(2, 1 + len(search.job.ends)) * search.job.params.num_beams, len(flat))
    best = flat.topk(count)
    size = logits.shape[-1]
    pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ordered = sorted(((total, place) for total, place in pairs if total > -torch.inf), key=lambda p: (-p[0], p[1]))
    return [Beam((*search.running[p // size].ids, p % size), total, p // size) for total, p in ordered]
