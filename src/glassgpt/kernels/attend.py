"""Attention over the cache: softmax(q Kᵀ) V for a few rows and one head at a time, with the kernel of all matrices.

Neighbouring rows of one text are read together, up to six: they look at the same keys. A row's result does not depend
on its group, though the group reads as far as its last row: what lies beyond a row's own position gets the weight zero,
and adding zero changes no bit.
"""

from typing import NamedTuple

import numpy as np

from glassgpt.kernels.arithmetic import Reals
from glassgpt.kernels.cache import head_of, scales_of_head, scales_of_piece
from glassgpt.kernels.ir import Module, Value
from glassgpt.kernels.layout import BLOCK, FLOAT32, Format, padded
from glassgpt.kernels.linear import tile_address
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.memory import LINE
from glassgpt.kernels.operation import Operation, Slots, operation
from glassgpt.kernels.rows import integers_twin, load_block, piece_bytes, rows_twin, store_block, store_row_block
from glassgpt.kernels.softmax import Scores, softmax
from glassgpt.kernels.tile import MOST_ROWS, STEP
from glassgpt.kernels.types_of_llvm import F32, I64, PTR

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


def own_bytes(room: int) -> int:
    """Scores and weights of six rows, their results, and what their sums are multiplied by at last."""
    return MOST_ROWS * 4 * (2 * room + BLOCK) + LINE


def attend_name(cache: Format, out: Format) -> str:
    """What the kernel is called."""
    return f"attend_{cache.name}_{out.name}"


def add_attend(module: Module, machine: Machine, cache: Format, out: Format) -> None:
    """Write the kernel; an item is a pair of a head and a group of rows."""
    with operation(module, attend_name(cache, out), ATTEND) as op:
        f = op.f
        groups = op.state("groups")
        with op.items() as item:
            head, group = item // groups, item % groups
            first, count = (f.load(I64, op.state(name) + group * 8) for name in ("group_first", "group_rows"))
            _attend(op, machine, cache, out, (head, first, count))


class _Group(NamedTuple):
    """Some neighbouring rows of one text, and one head: where everything lies."""

    count: Value
    tile: Value
    queries: Value
    seen: Value
    """Positions that the last of the rows may see."""
    blocks: Value
    """The same in blocks of 64."""
    keys: Value
    values: Value
    key_scales: Value
    value_scales: Value
    scores: Value
    weights: Value
    stride: Value
    """From row to row, of scores and of weights."""
    result: Value
    shares: Value
    """1 / Σ of each row's weights."""


def _attend(op: Operation, machine: Machine, cache: Format, out: Format, where: tuple[Value, Value, Value]) -> None:
    f, (head, first, count) = op.f, where
    g = _group(op, cache, where)
    score, fetch = (_score_integers, _fetch_integers) if cache.group else (_score, _fetch)
    score(op, machine, cache, g)
    with f.times(count) as i:
        visible = f.load(I64, op.state("positions") + (first + i) * 8) + 1
        place, form = g.scores + i * g.stride, FLOAT32 if cache.group else cache
        weights = place if cache.group else g.weights + i * g.stride  # integers still need the scales of the values
        share = softmax(f, machine, Scores(place, g.blocks, visible), form, weights)
        f.store(share, g.shares + i * 4)
    with f.times(op["head_blocks"]) as piece:
        fetch(op, machine, cache, g, piece)
        with f.times(count) as i:
            numbers = load_block(f, g.result + i * (4 * BLOCK), machine.lanes)
            share = f.splat(f.load(F32, g.shares + i * 4), machine.lanes)
            row = op["out"] + (first + i) * op["out_stride"]
            place = head * op["head_blocks"] + piece
            store_row_block(f, out, [number * share for number in numbers], row, place, op["out_inner"])


def _group(op: Operation, cache: Format, where: tuple[Value, Value, Value]) -> _Group:
    f, (head, first, count) = op.f, where
    text = f.load(I64, op.state("texts") + first * 8)
    seen = f.load(I64, op.state("positions") + (first + count - 1) * 8) + 1
    scores, stride = op["own"] + op.thread * op["own_bytes"], op["room"] * 4
    weights = scores + stride * MOST_ROWS
    result = weights + stride * MOST_ROWS
    sides = [head_of(op, side, op["layer"], text, head) for side in ("keys", "values")]
    scales = sides
    if cache.group:
        scales = [scales_of_head(op, side, op["layer"], text, head) for side in ("key", "value")]
    return _Group(
        count=count,
        tile=tile_address(f, cache, count, count.equals(1)),
        queries=op["queries"] + first * op["query_stride"] + head * op["head_blocks"] * piece_bytes(cache),
        seen=seen,
        blocks=(seen + (BLOCK - 1)) // BLOCK,
        keys=sides[0],
        values=sides[1],
        key_scales=scales[0],
        value_scales=scales[1],
        scores=scores,
        weights=weights,
        stride=stride,
        result=result,
        shares=result + MOST_ROWS * 4 * BLOCK,
    )


def _score(op: Operation, machine: Machine, cache: Format, g: _Group) -> None:
    """q·Kᵀ, 64 positions at a time."""
    f, steps = op.f, op["head_blocks"] * (BLOCK // cache.per_step)
    with f.times(g.blocks) as b:
        w = g.keys + b * steps * STEP
        f.call(g.tile, w, w, g.queries, op["query_stride"], steps, g.scores + b * (4 * BLOCK), g.stride, w)


def _score_integers(op: Operation, machine: Machine, cache: Format, g: _Group) -> None:
    """The same for each 64 of the width, times the scales of the keys, added up."""
    f, steps = op.f, BLOCK // cache.per_step
    with f.times(g.blocks) as b, f.times(op["head_blocks"]) as piece:
        w = g.keys + (b * op["head_blocks"] + piece) * (steps * STEP)
        query, size = g.queries + piece * piece_bytes(cache), f.value(I64, 4 * BLOCK)
        f.call(g.tile, w, w, query, op["query_stride"], f.value(I64, steps), g.result, size, w)
        scales = load_block(f, scales_of_piece(op, g.key_scales, piece) + b * (4 * BLOCK), machine.lanes)
        with f.times(g.count) as i:
            numbers = load_block(f, g.result + i * (4 * BLOCK), machine.lanes)
            place = g.scores + i * g.stride + b * (4 * BLOCK)
            scaled = [number * scale for number, scale in zip(numbers, scales, strict=True)]
            with f.when(piece.equals(0)):
                store_block(f, scaled, place)
            with f.when(f.value(I64, 0).below(piece)):
                before = load_block(f, place, machine.lanes)
                store_block(f, [old + new for old, new in zip(before, scaled, strict=True)], place)


def _fetch(op: Operation, machine: Machine, cache: Format, g: _Group, piece: Value) -> None:
    """p·V for 64 of the width."""
    f = op.f
    w = g.values + piece * (op.state("head_bytes") // op["head_blocks"])
    used = (g.seen + (cache.per_step - 1)) // cache.per_step
    f.call(g.tile, w, w, g.weights, g.stride, used, g.result, f.value(I64, 4 * BLOCK), w)


def _fetch_integers(op: Operation, machine: Machine, cache: Format, g: _Group, piece: Value) -> None:
    """The same; weights take up the scales of the values before they become integers."""
    f, scales = op.f, scales_of_piece(op, g.value_scales, piece)
    with f.times(g.blocks) as b:
        scale = load_block(f, scales + b * (4 * BLOCK), machine.lanes)
        with f.times(g.count) as i:
            numbers = load_block(f, g.scores + i * g.stride + b * (4 * BLOCK), machine.lanes)
            scaled = [number * factor for number, factor in zip(numbers, scale, strict=True)]
            store_row_block(f, cache, scaled, g.weights + i * g.stride, b, g.blocks * BLOCK)
    w = g.values + piece * (op.state("head_bytes") // op["head_blocks"])
    used = g.blocks * (BLOCK // cache.per_step)
    f.call(g.tile, w, w, g.weights, g.stride, used, g.result, f.value(I64, 4 * BLOCK), w)


def attend_twin(q: Reals, keys: Reals, values: Reals, cache: Format) -> Reals:
    """One query, scaled, and the keys and values it may see, as stored: what it fetches."""
    scores = keys @ rows_twin(q, cache)
    raised = np.exp(scores - scores.max())
    fetched = _fetch_twin(raised, values, cache) if cache.group else rows_twin(raised, cache) @ values
    return fetched / raised.sum()


def _fetch_twin(raised: Reals, values: Reals, cache: Format) -> Reals:
    """Weights times scales of values, rounded in groups of 64 positions; then whole numbers times whole numbers."""
    whole, scales = integers_twin(values, cache)
    weighted = (raised[:, None] * scales).T
    more = padded(len(raised)) - len(raised)
    rounded = rows_twin(np.pad(weighted, ((0, 0), (0, more))), cache)[:, : len(raised)]
    return np.einsum("pt,tpk->pk", rounded, whole).ravel()
