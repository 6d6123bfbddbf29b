"""Threads: they all come, they wait for each other, they sleep when there is nothing to do."""

import os
import threading
import time

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.crew import AWAKE, ENTRY, Crew, add_crew, usable_cores
from glassgpt.kernels.ir import Module
from glassgpt.kernels.library import Library, compile_module
from glassgpt.kernels.machine import host
from glassgpt.kernels.types_of_llvm import I64, PTR


@pytest.fixture(scope="module")
def library():
    """Two kernels: one writes a mark for each thread, the other adds up what all have written."""
    module = Module()
    parameters = {"arguments": PTR, "state": PTR, "thread": I64, "threads": I64}
    with module.function("mark", **parameters) as f:
        f.store(f.load(I64, f["state"]) + f["thread"], f["arguments"] + f["thread"] * 8)
    with module.function("add_up", **parameters) as f:
        sums = f["arguments"] + f["threads"] * 8 + f["thread"] * 8
        f.store(f.value(I64, 0), sums)
        with f.times(f["threads"]) as i:
            f.store(f.load(I64, sums) + f.load(I64, f["arguments"] + i * 8), sums)
    add_crew(module, host())
    return Library(compile_module(module, host()))


def run(crew, library, number) -> list[int]:
    """What each thread saw of all marks."""
    arguments, state = np.zeros(2 * crew.threads, np.int64), np.array([number])
    place = arguments.ctypes.data
    program = np.array([(library.address("mark"), place, 1), (library.address("add_up"), place, 1)])
    assert program.strides[0] == ENTRY
    crew.run(program, state)
    return arguments[crew.threads :].tolist()


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_nobody_passes_a_barrier_before_all_have_come(library, threads):
    crew = Crew(library, threads)
    for number in range(200):
        assert run(crew, library, number) == [number * threads + sum(range(threads))] * threads


def test_helpers_fall_asleep_and_wake_up_again(library):
    crew = Crew(library, 2)
    for number in range(3):
        assert run(crew, library, number) == [2 * number + 1] * 2
        for _ in range(200):
            if crew.asleep == 1:
                break
            time.sleep(0.01)
        assert crew.asleep == 1
        before = time.process_time()
        time.sleep(0.2)
        assert time.process_time() - before < 0.1


def test_programs_from_many_threads_take_turns(library):
    crew, wrong = Crew(library, 2), []

    def work(start):
        numbers = range(start, start + 50)
        wrong.extend(number for number in numbers if run(crew, library, number) != [2 * number + 1] * 2)

    workers = [threading.Thread(target=work, args=(1000 * n,)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


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
        os._exit(0 if run(crew, library, 5) == [11, 11] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run(crew, library, 7) == [15, 15]


def test_a_crew_has_at_least_one_thread(library):
    with pytest.raises(InvalidParameter, match="threads=0"):
        Crew(library, 0)
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    assert AWAKE == 0
