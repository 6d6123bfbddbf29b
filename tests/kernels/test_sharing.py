"""Shared work: each item is done once, by whoever comes; what was done before is seen; nobody has to come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.kernels.crew import Crew
from glassgpt.kernels.ir import Module
from glassgpt.kernels.library import Library, compile_module
from glassgpt.kernels.machine import host
from glassgpt.kernels.operation import STATE, Slots, entry, operation
from glassgpt.kernels.sharing import BERTH, BERTHS, ENTRY_BYTES, LINE, SHARES, TICKET, add_sharing
from glassgpt.kernels.types_of_llvm import I64, PTR
from tests.kernels.dawdling import add_dawdle, dawdling, never_spared

MARK = Slots(marks=PTR, own=PTR)
ADD_UP = Slots(marks=PTR, count=I64, sums=PTR)


@pytest.fixture(scope="module")
def library():
    """Marks that threads make for themselves or for an item; and a kernel that adds up all marks, for each item."""
    module = Module()
    with operation(module, "own", MARK) as op, op.items() as i:
        op.f.store(op.state("rows") + i, op["own"] + op.thread * LINE)
    with operation(module, "mark", MARK) as op, op.items() as i:
        place = op["marks"] + i * 8
        op.f.store(op.f.load(I64, place) + op.f.load(I64, op["own"] + op.thread * LINE), place)
    with operation(module, "add_up", ADD_UP) as op, op.items() as i:
        place = op["sums"] + i * 8
        with op.f.times(op["count"]) as n:
            op.f.store(op.f.load(I64, place) + op.f.load(I64, op["marks"] + n * 8), place)
    add_dawdle(module)
    add_sharing(module, host())
    return Library(compile_module(module, host()))


def check(crew, library, items, number, *, dawdle=None):
    """Three kernels, the first private. Every mark is made once, by a thread that has its own number ready."""
    marks, sums = np.zeros(items, np.int64), np.zeros(items, np.int64)
    own = np.zeros(crew.threads * LINE // 8, np.int64)
    mark = MARK.fill({"marks": marks, "own": own})
    add_up = ADD_UP.fill({"marks": marks, "count": items, "sums": sums})
    program = np.stack(
        [
            entry(library.address("own"), mark, 1, private=True),
            entry(library.address("mark"), mark, items),
            entry(library.address("add_up"), add_up, items),
        ]
    )
    assert program.strides[0] == ENTRY_BYTES
    state = np.zeros(len(STATE.kinds), np.int64)
    STATE.set(state, {"one": 1, "rows": number})
    if dawdle is not None:
        program, kept = dawdling(library, program, dawdle)
        assert kept
    crew.run(program, state)
    assert marks.tolist() == [number] * items
    assert sums.tolist() == [number * items] * items


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_each_item_is_done_once_and_before_the_next_kernel(library, threads):
    crew = Crew(library, threads)
    never_spared(crew)
    for number in range(1, 200):
        check(crew, library, number % 37 + 1, number)


@settings(max_examples=30, deadline=None)
@given(threads=st.sampled_from([2, 3, 5]), items=st.integers(1, 70), seed=st.integers(0, 2**32))
def test_threads_that_dawdle_do_not_spoil_anything(library, threads, items, seed):
    crew = Crew(library, threads)
    never_spared(crew)
    for number in range(1, 4):
        check(crew, library, items, number, dawdle=seed + number)


def test_nothing_is_computed_where_there_are_no_items(library):
    crew = Crew(library, 2)
    check(crew, library, 0, 1)
    check(crew, library, 5, 2)


def test_helpers_that_never_come_are_not_waited_for(library, monkeypatch):
    crew = Crew(library, 3)
    never_spared(crew)
    monkeypatch.setattr(crew, "_wake", lambda asked: None)
    for number in range(1, 20):
        check(crew, library, 29, number)
    assert crew.asleep == 2


def test_a_late_helper_finds_nothing_to_take(library):
    """A ticket of which nothing is left is not touched, whatever its number."""
    crew = Crew(library, 2)
    check(crew, library, 40, 3)
    tickets = [crew._pool[(BERTHS + thread * BERTH + TICKET) // 8] for thread in range(2)]
    assert [ticket & 0xFFFFFFFF for ticket in tickets] == [0, 0]
    assert crew._pool[SHARES // 8] in (1, 2)
