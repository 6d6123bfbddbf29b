"""Requests in, texts out: what most callers need of the scheduler.

All requests are handed to one scheduler that has memory for just them; what comes out is handed on as it comes, or
collected. Nobody waits at a screen for the next token of each text, so prompts are read in large parts.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from glassgpt.engine.backend import Backend
from glassgpt.engine.request import Completion, Decoder, Event, Job, Request, accept
from glassgpt.engine.scheduler import Limits, Scheduler
from glassgpt.errors import InvalidParameter

BUDGET = 2048
"""How many tokens of prompts are read in one step."""
MOST_ROWS = 64
"""How many texts are written side by side unless asked otherwise; more wait until a row is free."""


def generate(
    backend: Backend, requests: Sequence[Request], decode: Decoder | None = None, batch: int = MOST_ROWS
) -> list[list[Completion]]:
    """Answer each request with its `n` texts, at most `batch` texts side by side."""
    return list(generate_each(backend, requests, decode, batch))


def generate_each(
    backend: Backend, requests: Sequence[Request], decode: Decoder | None = None, batch: int = MOST_ROWS
) -> Iterator[list[Completion]]:
    """The same, each answer as soon as it and all before it are finished."""
    collected: list[list[list[Event]]] = [[[] for _ in range(request.params.n)] for request in requests]
    unfinished = [request.params.n for request in requests]
    due = 0
    for event in stream(backend, requests, decode, batch):
        collected[event.request][event.sample].append(event)
        unfinished[event.request] -= event.finish_reason is not None
        while due < len(requests) and not unfinished[due]:
            yield [_completion(events) for events in collected[due]]
            collected[due] = []
            due += 1


def stream(
    backend: Backend, requests: Sequence[Request], decode: Decoder | None = None, batch: int = MOST_ROWS
) -> Iterator[Event]:
    """All events of all requests as they happen; all requests are checked before the first token."""
    if batch < 1:
        raise InvalidParameter("batch", batch, "at least one text is written at a time")
    jobs = [accept(number, request, backend.config, decode) for number, request in enumerate(requests)]
    return _run(backend, jobs, decode, batch)


def _run(backend: Backend, jobs: Sequence[Job], decoder: Decoder | None, batch: int) -> Iterator[Event]:
    if not jobs:
        return
    texts = sum(max(job.params.n, job.params.num_beams) for job in jobs)
    room = max(job.room(backend.config.context_length) for job in jobs)
    rows = min(max(batch, *(job.params.num_beams for job in jobs)), texts)  # beams stay together
    scheduler = Scheduler(backend, decoder, Limits(rows=rows, running=rows, room=room, budget=BUDGET, alone=BUDGET))
    happened: deque[Event | Exception] = deque()
    for job in jobs:
        scheduler.add(job, happened.append)
    going = True
    while going:
        going = scheduler.step()
        while happened:
            event = happened.popleft()
            if isinstance(event, Exception):
                raise event
            yield event


def _completion(events: list[Event]) -> Completion:
    last = events[-1]
    assert last.finish_reason is not None
    logprobs = tuple(event.logprob for event in events if event.logprob is not None)
    return Completion(
        ids=tuple(event.id for event in events),
        text="".join(event.text for event in events),
        finish_reason=last.finish_reason,
        logprobs=logprobs or None,
        seed=last.seed,
        score=last.score,
    )
