"""Random schedules: who asks for what and when, who leaves early, and how much the scheduler may do at once."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from hypothesis import strategies as st

from glassgpt.engine import Backend, Event, Limits, NativeBackend, Request, Scheduler, TorchBackend
from glassgpt.sampling import SamplingParams
from tests.engine.models import Letters, sharp_model

LETTERS = Letters(b"ab cd.")
SHAPES = (
    {"vocab_size": 7, "context_length": 24},
    {"vocab_size": 9, "context_length": 90, "emb_dim": 20, "n_heads": 5},
)
CHUNKS = (4, 8, 128)
LONGEST = 2_000
"""Steps: several times what six requests for three samples of twenty tokens take one after another."""


@cache
def backend_of(shape: int, kind: torch.dtype | str, chunk: int) -> Backend:
    """Made once: a schedule leaves nothing behind that the next could notice. A name stands for native weights."""
    model = sharp_model(shape, 5.0, **SHAPES[shape])
    if isinstance(kind, str):
        threads = 1 + CHUNKS.index(chunk) % 2
        return NativeBackend.of(model, weights=kind, chunk=chunk, threads=threads, folder=compiled())
    return TorchBackend(model.to(kind), chunk=chunk)


@cache
def compiled() -> Path:
    """Where kernels are kept while the tests run."""
    return Path(tempfile.mkdtemp(prefix="kernels-"))


@dataclass(frozen=True)
class Asked:
    """A request, the step before which it is made, and the one before which it is cancelled."""

    request: Request
    arrives: int
    leaves: int | None


@dataclass(frozen=True)
class Schedule:
    """All that may not matter, and what is asked."""

    shape: int
    chunk: int
    limits: Limits
    asked: tuple[Asked, ...]


@st.composite
def requests(draw, context, beams):
    """Prompts that share beginnings and repeat themselves, settings of every kind."""
    start = draw(st.sampled_from([[], [1, 2, 3, 4, 5, 6], [1, 2, 3, 1, 2, 3, 1, 2], [4] * 12]))
    rest = draw(st.lists(st.integers(0, 6), max_size=9))
    logprobs, seed = draw(st.sampled_from([None, 0, 2])), draw(st.integers(0, 2**64 - 1))
    params = {"max_new_tokens": draw(st.integers(1, 20)), "logprobs": logprobs, "seed": seed}
    if beams > 1 and draw(st.integers(0, 5)) == 0:
        params |= {"num_beams": draw(st.integers(2, beams)), "n": draw(st.integers(1, 2))}
    else:
        params |= {
            "temperature": draw(st.sampled_from([0.0, 0.3, 1.0, 1.5])),
            "top_k": draw(st.sampled_from([0, 0, 3])),
            "top_p": draw(st.sampled_from([1.0, 1.0, 0.8])),
            "repetition_penalty": draw(st.sampled_from([1.0, 1.2])),
            "frequency_penalty": draw(st.sampled_from([0.0, 0.3])),
            "no_repeat_ngram": draw(st.sampled_from([0, 0, 0, 5])),
            "stop": draw(st.sampled_from([(), ("dc",), ("a b", ".")])),
            "window": draw(st.sampled_from(["stop", "slide"])),
            "ignore_eos": draw(st.booleans()),
            "n": draw(st.integers(1, 3)),
        }
    return Request((start + rest)[: context - 1], SamplingParams(**params))


@st.composite
def schedules(draw):
    """Few rows, small budgets: much waiting, cutting and copying."""
    shape = draw(st.integers(0, len(SHAPES) - 1))
    rows = draw(st.integers(1, 6))
    limits = Limits(
        rows=rows,
        running=draw(st.integers(1, rows)),
        budget=draw(st.none() | st.integers(1, 12)),
        alone=draw(st.integers(1, 40)),
        shortest=draw(st.sampled_from([None, 1, 2, 5])),
    )
    made = st.builds(
        Asked,
        requests(SHAPES[shape]["context_length"], min(3, limits.running)),
        st.integers(0, 25),
        st.none() | st.none() | st.integers(0, 40),
    )
    asked = draw(st.lists(made, min_size=2, max_size=6))
    return Schedule(shape, draw(st.sampled_from(CHUNKS)), limits, tuple(asked))


def alone(request: Request, shape: int, dtype: torch.dtype | str) -> list[Event]:
    """What a request gets when it has the machine for itself: nothing shared, cut to pieces, or guessed."""
    width = max(1, request.params.num_beams)
    scheduler = Scheduler(backend_of(shape, dtype, 128), LETTERS, Limits(rows=width, shortest=None))
    return list(scheduler.submit(request))


def guessing(request: Request, guess: bool) -> Request:
    """The same request, with or without speculation."""
    from dataclasses import replace

    return Request(request.ids, replace(request.params, speculate=guess and request.params.num_beams == 1))


def check(schedule: Schedule, dtype: torch.dtype | str, guess: bool) -> None:
    """Play a schedule: whoever stays gets what it would get alone, whoever leaves a part of it and no more."""
    scheduler = Scheduler(backend_of(schedule.shape, dtype, schedule.chunk), LETTERS, schedule.limits)
    told: dict[int, list[Event]] = {}
    streams = {}
    step, going = 0, True
    while going or len(streams) < len(schedule.asked):
        for number, asked in enumerate(schedule.asked):
            if asked.arrives == step:
                told[number] = []
                streams[number] = scheduler.submit(guessing(asked.request, guess), told[number].append)
            if asked.leaves is not None and number in streams and max(asked.leaves, asked.arrives) == step:
                streams[number].cancel()
                before = len(told[number])
                scheduler.step()
                assert len(told[number]) == before, "who was cancelled is told nothing any more"
        going = scheduler.step()
        step += 1
        assert step < LONGEST, "the schedule does not end"
    assert scheduler.is_idle
    for number, asked in enumerate(schedule.asked):
        wanted = alone(asked.request, schedule.shape, dtype)
        for sample in range(asked.request.params.n):
            mine = [told_of(event) for event in told[number] if event.sample == sample]
            whole = [told_of(event) for event in wanted if event.sample == sample]
            assert mine == whole[: len(mine)]
            assert asked.leaves is not None or mine == whole


def told_of(event: Event) -> tuple:
    """All of an event but the number of its request."""
    return event.id, event.text, event.logprob, event.finish_reason, event.seed, event.score
