"""Scores of one row become weights: e^(score − greatest), and 1 / Σ to multiply by in the end.

Two passes over scores that lie in the nearest cache, 64 at a time: one for the greatest, one for the rest. Only in the
last block or two are there positions that the row may not see; all others are read without asking.
"""

from collections.abc import Callable
from typing import NamedTuple

from glassgpt.kernels.arithmetic import exponential, greater
from glassgpt.kernels.ir import Function, Value
from glassgpt.kernels.layout import BLOCK, Format
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.rows import load_block, store_row_block
from glassgpt.kernels.types_of_llvm import F32, I32, I64

LEAST = -1e30
"""Less than any score."""
Body = Callable[[Value, list[Value], bool], list[Value]]
"""(block, values that the loop carries, whether some of it may be hidden) -> the next values"""


class Scores(NamedTuple):
    """Those of one row."""

    place: Value
    blocks: Value
    """Blocks of 64, as many as the row's group needs."""
    visible: Value
    """Positions that the row may see."""


def softmax(f: Function, machine: Machine, scores: Scores, form: Format, weights: Value) -> Value:
    """Store e^(score − greatest) in the given form, 0 for what is hidden; 1 / Σ of them."""
    lanes = machine.lanes
    wide = F32.of(lanes)
    registers = BLOCK // lanes

    def highest(block: Value, tops: list[Value], edge: bool) -> list[Value]:
        numbers = load_block(f, scores.place + block * (4 * BLOCK), lanes)
        numbers = _hide(f, scores, block, numbers, LEAST) if edge else numbers
        return [greater(f, top, number) for top, number in zip(tops, numbers, strict=True)]

    tops = _over(f, scores, [f.value(wide, LEAST)] * registers, highest)
    top = f.splat(_join(f, tops, lambda a, b: greater(f, a, b)), lanes)

    def weigh(block: Value, totals: list[Value], edge: bool) -> list[Value]:
        numbers = load_block(f, scores.place + block * (4 * BLOCK), lanes)
        raised = [exponential(f, machine, number - top) for number in numbers]
        raised = _hide(f, scores, block, raised, 0.0) if edge else raised
        store_row_block(f, form, raised, weights, block, f.value(I64, 0))
        return [total + number for total, number in zip(totals, raised, strict=True)]

    totals = _over(f, scores, [f.value(wide, 0.0)] * registers, weigh)
    return f.value(F32, 1.0) / _join(f, totals, lambda a, b: a + b)


def _over(f: Function, scores: Scores, start: list[Value], body: Body) -> list[Value]:
    """First the blocks of which all is visible, then the others."""
    whole = scores.visible // BLOCK
    values = f.fold(whole, start, lambda block, values: body(block, values, False))
    return f.fold(scores.blocks - whole, values, lambda i, values: body(whole + i, values, True))


def _hide(f: Function, scores: Scores, block: Value, numbers: list[Value], instead: float) -> list[Value]:
    """Put something else where the row may not look."""
    lanes = numbers[0].type.lanes
    counting = f.vector(I32, range(lanes))
    shown = []
    for n, number in enumerate(numbers):
        last = f.convert("trunc", scores.visible - block * BLOCK - n * lanes, I32)
        shown.append(f.choose(counting.below(f.splat(last, lanes)), number, f.value(number.type, instead)))
    return shown


def _join(f: Function, parts: list[Value], join: Callable[[Value, Value], Value]) -> Value:
    """All lanes of all registers, pair by pair."""
    while len(parts) > 1:
        parts = [join(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return f.reduce(parts[0], join)
