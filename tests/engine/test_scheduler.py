"""Who is served when: admission, reading in parts, leaving, failing, and threads."""

import math
import threading

import pytest

from glassgpt.engine import Limits, Request, Scheduler, generate
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import SamplingParams
from tests.engine.counting import Counting

LONG = [(5 * place) % 61 for place in range(20)]


def asks(ids, seed=1, **params):
    return Request(ids, SamplingParams(seed=seed, **params))


def finish(scheduler):
    steps = 0
    while scheduler.step():
        steps += 1
    return steps


def test_who_came_first_is_served_first_and_nobody_is_overtaken(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=3))
    told = []
    for params in ({"n": 2}, {"num_beams": 3}, {}, {}):
        scheduler.submit(asks([1, 2], max_new_tokens=4, **params), told.append)
    finish(scheduler)
    begun = list(dict.fromkeys((event.request, event.sample) for event in told))
    assert begun == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0)]
    assert scheduler.is_idle


def test_who_writes_gets_a_token_each_step_while_a_prompt_is_read(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=3, budget=3))
    told = []
    scheduler.submit(asks([7], max_new_tokens=20), told.append)
    scheduler.step()
    late = []
    scheduler.submit(asks(LONG, max_new_tokens=2), late.append)
    for step in range(1, 7):
        scheduler.step()
        assert (len(told), len(late)) == (1 + step, 0)
    scheduler.step()
    assert (len(told), len(late)) == (8, 1)


def test_who_is_cancelled_leaves_before_the_next_step_and_the_next_one_takes_the_row(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=1))
    first, told, second = scheduler.submit(asks([1], max_new_tokens=20)), [], asks([2], max_new_tokens=3)
    scheduler.submit(second, told.append)
    assert next(first).finish_reason is None
    assert told == []
    first.cancel()
    scheduler.step()
    assert len(told) == 1
    assert list(first) == []
    finish(scheduler)
    assert tuple(event.id for event in told) == generate(backend, [second])[0][0].ids
    assert scheduler.is_idle


def test_who_is_cancelled_while_waiting_is_never_admitted(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=1))
    told = []
    streams = [scheduler.submit(asks([1], max_new_tokens=3, n=2), told.append) for _ in "abc"]
    streams[1].cancel()
    finish(scheduler)
    assert {event.request for event in told} == {0, 2}


def test_a_request_that_no_row_can_hold_is_refused_when_it_is_made(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=2, room=10))
    scheduler.submit(asks([1] * 6, max_new_tokens=5))
    with pytest.raises(InvalidParameter, match="room for 10"):
        scheduler.submit(asks([1] * 6, max_new_tokens=6))
    with pytest.raises(InvalidParameter, match="2 beams"):
        scheduler.submit(asks([1], max_new_tokens=2, num_beams=3))


def test_only_the_request_that_cannot_go_on_fails(backend):
    scheduler = Scheduler(backend)
    good = scheduler.submit(asks([1], max_new_tokens=5))
    bad = scheduler.submit(asks([1], logit_bias=dict.fromkeys(range(61), -math.inf)))
    with pytest.raises(InvalidParameter, match="forbid"):
        list(bad)
    assert len(list(good)) == 5
    assert scheduler.is_idle


def test_if_the_backend_fails_all_that_runs_fails_and_who_waits_is_served(backend, monkeypatch):
    scheduler = Scheduler(backend, limits=Limits(rows=2, shortest=1))
    running = [scheduler.submit(asks(LONG, max_new_tokens=4)) for _ in "ab"]
    waiting = scheduler.submit(asks(LONG, max_new_tokens=3))
    scheduler.step()
    with monkeypatch.context() as broken:
        broken.setattr(type(backend), "extend", lambda *_: 1 / 0)
        scheduler.step()
    for stream in running:
        with pytest.raises(ZeroDivisionError):
            list(stream)
    assert [event.id for event in waiting] == list(generate(backend, [asks(LONG, max_new_tokens=3)])[0][0].ids)
    assert scheduler.is_idle


def test_a_listener_that_fails_ends_its_own_request_only(backend):
    scheduler = Scheduler(backend)
    bad = scheduler.submit(asks([1], max_new_tokens=5), lambda event: 1 / 0)
    good = scheduler.submit(asks([1], max_new_tokens=5))
    assert len(list(good)) == 5
    with pytest.raises(ZeroDivisionError):
        next(bad)


def test_many_threads_may_ask_read_and_leave(backend):
    scheduler = Scheduler(backend, limits=Limits(rows=3))
    written = {}

    def client(number):
        stream = scheduler.submit(asks([1 + number], seed=number, max_new_tokens=6))
        if number % 3 == 2:
            next(stream)
            stream.cancel()
        else:
            written[number] = tuple(event.id for event in stream)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(scheduler)
    assert scheduler.is_idle
    assert sorted(written) == [0, 1, 3, 4, 6, 7]
    for number, ids in written.items():
        assert ids == generate(backend, [asks([1 + number], seed=number, max_new_tokens=6)])[0][0].ids


def test_a_prompt_that_was_read_before_is_not_read_again(backend):
    counting = Counting(backend)
    scheduler = Scheduler(counting, limits=Limits(rows=2))
    first = "".join(str(event.id) for event in scheduler.submit(asks(LONG, max_new_tokens=1)))
    assert counting.read_tokens == 20
    assert "".join(str(event.id) for event in scheduler.submit(asks(LONG, max_new_tokens=1))) == first
    assert counting.read_tokens == 21


def test_guesses_save_steps_where_a_text_repeats_itself(backend):
    calls = []
    for speculate in (False, True):
        counting = Counting(backend)
        asked = asks([1, 2, 3, 1, 2, 3], max_new_tokens=15, logit_bias={7: 99.0}, speculate=speculate)
        assert generate(counting, [asked])[0][0].ids == (7,) * 15
        calls.append(counting.steps)
    assert calls[0] == 15
    assert calls[1] <= 8
