"""Attention over the cache: softmax(q Kᵀ) V for a few rows and one head at a time, with the kernel of all matrices.

Neighbouring rows of one text are read together, up to six: they look at the same keys. A row's result does not depend
on its group, though the group reads as far as its last row: what lies beyond a row's own position gets the weight zero,
and adding zero changes no bit.
"""

import numpy as np

from glassgpt.kernels.arithmetic import Reals, exponential, greater
from glassgpt.kernels.cache import head_of
from glassgpt.kernels.ir import Module, Value
from glassgpt.kernels.layout import BLOCK, Format
from glassgpt.kernels.linear import tile_address
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.operation import Operation, Slots, operation
from glassgpt.kernels.rows import load_block, rows_twin, store_row_block
from glassgpt.kernels.tile import MOST_ROWS, STEP
from glassgpt.kernels.types_of_llvm import F32, I32, I64, PTR

ATTEND = Slots(
    queries=PTR,
    query_stride=I64,
    layer=I64,
    heads=I64,
    head_blocks=I64,
    out=PTR,
    out_stride=I64,
    out_inner=I64,
    own=PTR,  # memory of the threads: `own_bytes` each
    own_bytes=I64,
    room=I64,  # the most positions a text can have
)
LEAST = -1e30
"""The score of what a row may not see."""


def own_bytes(room: int) -> int:
    """Scores and weights of six rows, and their results."""
    return MOST_ROWS * 4 * (2 * room + BLOCK)


def attend_name(cache: Format, out: Format) -> str:
    """What the kernel is called."""
    return f"attend_{cache.name}_{out.name}"


def add_attend(module: Module, machine: Machine, cache: Format, out: Format) -> None:
    """Write the kernel; a thread takes whole pairs of a head and a group of rows."""
    with operation(module, attend_name(cache, out), ATTEND) as op:
        f = op.f
        groups = op.state("groups")
        with op.share(groups * op["heads"]) as item:
            head, group = item // groups, item % groups
            first, count = (f.load(I64, op.state(name) + group * 8) for name in ("group_first", "group_rows"))
            _attend(op, machine, cache, out, (head, first, count))


def _attend(op: Operation, machine: Machine, cache: Format, out: Format, where: tuple[Value, Value, Value]) -> None:
    f, (head, first, count) = op.f, where
    scores = op["own"] + op.thread * op["own_bytes"]
    stride = op["room"] * 4
    weights = scores + stride * MOST_ROWS
    result = weights + stride * MOST_ROWS
    text = f.load(I64, op.state("texts") + first * 8)
    seen = f.load(I64, op.state("positions") + (first + count - 1) * 8) + 1  # by the group's last row
    key_blocks = (seen + (BLOCK - 1)) // BLOCK
    tile = tile_address(f, cache, count, count.equals(1))

    keys = head_of(op, "keys", op["layer"], text, head)
    queries = op["queries"] + first * op["query_stride"]
    steps = op["head_blocks"] * (BLOCK // cache.per_step)
    with f.times(key_blocks) as b:
        w = keys + b * steps * STEP
        query = queries + head * steps * 4
        f.call(tile, w, w, query, op["query_stride"], steps, scores + b * (4 * BLOCK), stride, w)
    with f.times(count) as i:
        visible = f.load(I64, op.state("positions") + (first + i) * 8) + 1
        _softmax(op, machine, cache, scores + i * stride, weights + i * stride, visible, key_blocks)

    values = head_of(op, "values", op["layer"], text, head)
    piece_bytes = op.state("head_bytes") // op["head_blocks"]
    with f.times(op["head_blocks"]) as piece:
        w = values + piece * piece_bytes
        used = (seen + (cache.per_step - 1)) // cache.per_step
        f.call(tile, w, w, weights, stride, used, result, f.value(I64, 4 * BLOCK), w)
        with f.times(count) as i:
            numbers = load_block(f, result + i * (4 * BLOCK), machine.lanes)
            share = f.splat(f.load(F32, scores + i * stride), machine.lanes)  # left there by the softmax
            row = op["out"] + (first + i) * op["out_stride"]
            place = head * op["head_blocks"] + piece
            store_row_block(f, out, [number * share for number in numbers], row, place, op["out_inner"])


def _softmax(
    op: Operation, machine: Machine, cache: Format, scores: Value, weights: Value, visible: Value, blocks: Value
) -> None:
    """e^(score − greatest), rounded as values are stored; in the place of the first score then stands 1 / Σ."""
    f, lanes = op.f, machine.lanes
    registers = range(BLOCK // lanes)
    wide = F32.of(lanes)
    counting = f.vector(I32, range(lanes))

    def hidden(block: Value, n: int, number: Value, instead: float) -> Value:
        last = f.convert("trunc", visible - block * BLOCK - n * lanes, I32)
        return f.choose(counting.below(f.splat(last, lanes)), number, f.value(wide, instead))

    def read(block: Value) -> list[Value]:
        numbers = load_block(f, scores + block * (4 * BLOCK), lanes)
        return [hidden(block, n, number, LEAST) for n, number in zip(registers, numbers, strict=True)]

    def highest(block: Value, tops: list[Value]) -> list[Value]:
        return [greater(f, top, number) for top, number in zip(tops, read(block), strict=True)]

    def join(parts: list[Value]) -> Value:
        while len(parts) > 1:
            parts = [greater(f, a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return f.reduce(parts[0], lambda a, b: greater(f, a, b))

    top = f.splat(join(f.fold(blocks, [f.value(wide, LEAST)] * len(registers), highest)), lanes)

    def weigh(block: Value, totals: list[Value]) -> list[Value]:
        raised = [exponential(f, machine, number - top) for number in read(block)]
        raised = [hidden(block, n, number, 0.0) for n, number in zip(registers, raised, strict=True)]
        store_row_block(f, cache, raised, weights, block, f.value(I64, 0))
        return [total + number for total, number in zip(totals, raised, strict=True)]

    sums = f.fold(blocks, [f.value(wide, 0.0)] * len(registers), weigh)
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
    total = f.reduce(sums[0], lambda a, b: a + b)
    f.store(f.value(F32, 1.0) / total, scores)


def attend_twin(q: Reals, keys: Reals, values: Reals, cache: Format) -> Reals:
    """One query, scaled, and the keys and values it may see, as stored: what it fetches."""
    scores = keys @ rows_twin(q, cache)
    raised = np.exp(scores - scores.max())
    return rows_twin(raised, cache) @ values / raised.sum()
