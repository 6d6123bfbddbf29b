"""Threads: they sleep when there is nothing to do, and are spared when they only hold up the others."""

import os
import threading
import time

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.crew import CAUTION, LONGEST_REST, TOLERABLE, Crew, Strength, nap, usable_cores
from glassgpt.kernels.ir import Module
from glassgpt.kernels.library import Library, compile_module
from glassgpt.kernels.machine import host
from glassgpt.kernels.operation import STATE, Slots, entry, operation
from glassgpt.kernels.sharing import LINGER, SHARES, add_sharing
from glassgpt.kernels.types_of_llvm import I64, PTR

COUNT = Slots(counts=PTR)
NAPS = Slots(nap=PTR, times=I64, threads=PTR)


@pytest.fixture(scope="module")
def library():
    """A kernel that counts each of its items; one that naps over each, and notes which thread did."""
    module = Module()
    with operation(module, "doze", NAPS) as op, op.items() as i:
        with op.f.times(op["times"]):
            op.f.call(op.f.load(PTR, op["nap"]), op.f.load(I64, op["nap"] + 8), op.f.value(I64, 0))
        op.f.store(op.thread, op["threads"] + i * 8)
    with operation(module, "count", COUNT) as op, op.items() as i:
        place = op["counts"] + i * 8
        op.f.store(op.f.load(I64, place) + 1, place)
    add_sharing(module, host())
    return Library(compile_module(module, host()))


def run(crew, library, items) -> bool:
    """Whether each of some items was counted twice by two kernels."""
    counts, state = np.zeros(items, np.int64), np.zeros(len(STATE.kinds), np.int64)
    STATE.set(state, {"one": 1})
    arguments = COUNT.fill({"counts": counts})
    line = entry(library.address("count"), arguments, items)
    crew.run(np.stack([line, line]), state)
    return counts.tolist() == [2] * items


def wait_until_asleep(crew, helpers) -> None:
    """Nobody is in a hurry here: the machine may be busy."""
    for _ in range(500):
        if crew.asleep == helpers:
            return
        time.sleep(0.01)
    raise AssertionError(f"{crew.asleep} of {helpers} helpers fell asleep")


def test_helpers_fall_asleep_and_wake_up_again(library):
    crew = Crew(library, 3)
    for _ in range(3):
        assert run(crew, library, 100)
        wait_until_asleep(crew, 2)


def test_helpers_stay_while_the_caller_does_something_alone(library):
    crew, state = Crew(library, 2), np.zeros(len(STATE.kinds), np.int64)
    STATE.set(state, {"one": 1})
    how = np.array(nap(), np.int64)
    program, threads = [], [np.zeros(items, np.int64) for items in (1, 2000)]
    # A single item that takes longer than helpers wait for the next run; then time enough, also on a busy machine.
    for done in threads:
        times = 10 * LINGER if len(done) == 1 else 1
        given = NAPS.fill({"nap": how, "times": times, "threads": done})
        program.append((entry(library.address("doze"), given, len(done)), given))
    crew.run(np.stack([line for line, _ in program]), state)
    assert threads[0].tolist() == [0]
    assert set(threads[1].tolist()) == {0, 1}


def test_helpers_that_are_not_asked_stay_asleep(library, monkeypatch):
    crew = Crew(library, 3)
    for asked in (2, 1):
        wait_until_asleep(crew, 2)
        monkeypatch.setattr(crew.strength, "ask", lambda now, asked=asked: asked)
        assert run(crew, library, 50)
        assert crew._pool[SHARES // 8] == asked
    assert crew.asleep == 2


def test_after_lost_time_one_thread_less_is_asked_for_a_while():
    strength = Strength(3)
    assert strength.ask(0.0) == 3
    strength.learn(1.0, took=1.0, lost=TOLERABLE)
    assert strength.ask(1.0) == 3
    strength.learn(1.0, took=0.02, lost=0.01)
    strength.learn(1.0, took=0.01, lost=0.01)
    assert strength.ask(1.0 + 0.01 * CAUTION - 0.001) == 1
    assert [strength.ask(1.0 + 0.01 * CAUTION + n) for n in range(3)] == [2, 3, 3]
    alone = Strength(1)
    alone.learn(1.0, took=1.0, lost=0.5)
    assert alone.ask(1.0) == 1


def test_however_much_was_lost_at_once_the_rest_is_short():
    strength = Strength(2)
    strength.learn(1.0, took=60.0, lost=59.0)
    assert strength.ask(1.0 + LONGEST_REST - 0.01) == 1
    assert strength.ask(1.0 + LONGEST_REST) == 2


def test_programs_from_many_threads_take_turns(library):
    crew, right = Crew(library, 2), []

    def work(start):
        right.extend(run(crew, library, start + n) for n in range(50))

    workers = [threading.Thread(target=work, args=(100 * n + 1,)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert right == [True] * 150


def test_helpers_leave_when_their_crew_is_gone(library):
    crew = Crew(library, 3)
    run(crew, library, 1)
    helpers = [thread for thread in threading.enumerate() if thread in crew.helpers]
    assert len(helpers) == 2
    del crew
    for helper in helpers:
        helper.join(timeout=10)
        assert not helper.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_hires_its_own(library):
    crew = Crew(library, 2)
    run(crew, library, 1)
    child = os.fork()
    if not child:
        os._exit(0 if run(crew, library, 5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run(crew, library, 7)


def test_a_crew_has_at_least_one_thread(library):
    with pytest.raises(InvalidParameter, match="threads=0"):
        Crew(library, 0)
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
