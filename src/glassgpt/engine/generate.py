"""Requests in, texts out: the one loop that writes.

    prefill each prompt once, copy it for its samples; then, until every text has ended:
    logits → filters → noise → one id a row → text → stop? → decode

The contract: the same request gives the same ids and the same log-probabilities, to the bit, whatever shares the batch.
It follows from a backend whose rows do not depend on their neighbours, from filters that work row by row, and from
noise that is a function of (seed, sample, position, token).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float32
from torch import Tensor

from glassgpt.engine.backend import Backend, Memory
from glassgpt.engine.beam import beam_search
from glassgpt.engine.draft import Draft
from glassgpt.engine.request import (
    Completion,
    Decoder,
    Event,
    Job,
    Request,
    TokenLogprob,
    accept,
    nothing_left,
    outgrown,
    seen,
)
from glassgpt.engine.score import token_logprobs
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import NOTHING_LEFT, choose, choose_greedy, keys_tensor, process

MOST_ROWS = 64
"""How many texts are written side by side; more wait for the next round."""


def generate(backend: Backend, requests: Sequence[Request], decode: Decoder | None = None) -> list[list[Completion]]:
    """Answer each request with its `n` texts."""
    collected: dict[tuple[int, int], list[Event]] = {}
    for event in stream(backend, requests, decode):
        collected.setdefault((event.request, event.sample), []).append(event)
    return [
        [_completion(collected[number, sample]) for sample in range(request.params.n)]
        for number, request in enumerate(requests)
    ]


def stream(backend: Backend, requests: Sequence[Request], decode: Decoder | None = None) -> Iterator[Event]:
    """The same, token by token as they are drawn; all requests are checked before the first token."""
    jobs = [accept(number, request, backend.config, decode) for number, request in enumerate(requests)]
    return _run(backend, jobs, decode)


def _run(backend: Backend, jobs: Sequence[Job], decoder: Decoder | None) -> Iterator[Event]:
    context = backend.config.context_length
    plain = [job for job in jobs if job.params.num_beams == 1]
    drafts = [Draft(job, sample, context, decoder) for job in plain for sample in range(job.params.n)]
    while drafts:
        room = max(draft.job.room(context) for draft in drafts)
        count = min(MOST_ROWS, backend.most_rows(room))
        yield from _write(backend, drafts[:count], decoder)
        drafts = drafts[count:]
    for job in jobs:
        if job.params.num_beams > 1:
            yield from _search(backend, job, decoder)


def _write(backend: Backend, drafts: list[Draft], decoder: Decoder | None) -> Iterator[Event]:
    """Write some texts side by side until all have ended."""
    memory, logits = _begin(backend, drafts)
    allowed = None if decoder is None else decoder.vocab_size
    while True:
        ids, logprobs = _draw(logits, drafts, allowed)
        for draft, token, logprob in zip(drafts, ids, logprobs, strict=True):
            if draft.finish_reason is None:
                yield draft.push(token, logprob)
        going = [row for row, draft in enumerate(drafts) if draft.finish_reason is None]
        if not going:
            return
        if len(going) <= len(drafts) // 2:  # copying memory costs more than a few idle rows
            memory.select(going)
            drafts = [drafts[row] for row in going]
            ids = [ids[row] for row in going]
        logits = backend.decode(memory, ids)
        logits = _slide(backend, memory, logits, drafts)


def _search(backend: Backend, job: Job, decoder: Decoder | None) -> Iterator[Event]:
    """Beam search finds whole texts; they are told token by token like the others."""
    found = beam_search(backend, job, None if decoder is None else decoder.vocab_size)
    if len(found) < job.params.n:
        raise InvalidParameter("n", job.params.n, f"beam search found only {len(found)} texts: ask for fewer")
    for sample, (score, ids) in enumerate(found):
        draft = Draft(job, sample, backend.config.context_length, decoder)
        logprobs = _logprobs_of(backend, job, ids)
        for token, logprob in zip(ids, logprobs, strict=True):
            event = draft.push(token, logprob)
            yield event if event.finish_reason is None else replace(event, score=score)


def _logprobs_of(backend: Backend, job: Job, ids: Sequence[int]) -> list[TokenLogprob | None]:
    if job.params.logprobs is None:
        return [None] * len(ids)
    logits = torch.cat(list(backend.read([*job.prompt, *ids[:-1]])))[-len(ids) :]
    return token_logprobs(logits, ids, [job.params.logprobs] * len(ids))


def _begin(backend: Backend, drafts: list[Draft]) -> tuple[Memory, Float32[Tensor, "B V"]]:
    """Read each prompt once; its samples share the reading."""
    context = backend.config.context_length
    place: dict[int, int] = {}
    for draft in drafts:
        place.setdefault(draft.job.number, len(place))
    prompts = {draft.job.number: seen(draft.job.prompt, context) for draft in drafts}
    room = max(draft.job.room(context) for draft in drafts)
    memory, logits = backend.prefill([prompts[number] for number in place], room)
    rows = [place[draft.job.number] for draft in drafts]
    memory.select(rows)
    return memory, logits if rows == list(range(len(logits))) else logits[rows]


@torch.inference_mode()
def _draw(
    logits: Float32[Tensor, "B V"], drafts: list[Draft], allowed: int | None
) -> tuple[list[int], list[TokenLogprob | None]]:
    """One id a row, and how likely the model found it."""
    rows = [draft.row for draft in drafts]
    params = [row.params for row in rows]
    processed = process(logits, rows, allowed)
    if all(p.temperature == 0 for p in params):
        chosen = choose_greedy(processed)
    else:
        keys = keys_tensor([draft.key for draft in drafts], logits.device)
        most = max(p.top_k for p in params) if all(p.top_k for p in params) else 0
        chosen = choose(processed, keys, most)
        if any(p.temperature == 0 for p in params):
            greedy = torch.tensor([p.temperature == 0 for p in params], device=logits.device)
            chosen = torch.where(greedy, choose_greedy(processed), chosen)
    ids = chosen.tolist()
    if NOTHING_LEFT in ids:
        empty = ids.index(NOTHING_LEFT)
        if drafts[empty].finish_reason is None:
            raise nothing_left(rows[empty], logits[empty])
        ids = [max(token, 0) for token in ids]
    return ids, token_logprobs(logits, ids, [p.logprobs for p in params])


@torch.inference_mode()
def _slide(
    backend: Backend, memory: Memory, logits: Float32[Tensor, "B V"], drafts: list[Draft]
) -> Float32[Tensor, "B V"]:
    """Read the tails of texts that have just outgrown their window; what was decoded for them is void."""
    context = backend.config.context_length
    rows = [
        row for row, draft in enumerate(drafts) if draft.finish_reason is None and outgrown(draft.row.text, context)
    ]
    if not rows:
        return logits
    fresh, again = backend.prefill([seen(drafts[row].row.text, context) for row in rows], context)
    for place, row in enumerate(rows):
        memory.put(row, fresh, place)
    return logits.index_copy(0, torch.tensor(rows, device=logits.device), again)


def _completion(events: list[Event]) -> Completion:
    last = events[-1]
    assert last.finish_reason is not None
    logprobs = tuple(event.logprob for event in events if event.logprob is not None)
    return Completion(
        ids=tuple(event.id for event in events if event.id is not None),
        text="".join(event.text for event in events),
        finish_reason=last.finish_reason,
        logprobs=logprobs or None,
        seed=last.seed,
        score=last.score,
    )
