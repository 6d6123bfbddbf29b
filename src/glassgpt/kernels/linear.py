"""Rows times a matrix, and what is done with the result while it is still at hand.

    logits    store
    add       add to the residual stream
    activate  bend (GELU), and store in the form that the next matrix wants
    scatter   queries to a row, keys and values into the cache

An item is a block of 64 outputs and a band of rows. All bands of a block stand beside each other, so that its weights
are read from memory once. The inner dimension is never cut: an output is one thread's, and its sum has one order.
"""

from collections.abc import Callable, Sequence

from glassgpt.kernels.arithmetic import ACTIVATION
from glassgpt.kernels.cache import store_key, store_value
from glassgpt.kernels.ir import Function, Module, Value
from glassgpt.kernels.layout import BLOCK, Format
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.operation import Operation, Slots, operation
from glassgpt.kernels.rows import load_block, piece_bytes, store_block, store_row_block
from glassgpt.kernels.tile import MOST_ROWS, STEP, TALL, columns_at_once, table_name
from glassgpt.kernels.types_of_llvm import F32, I64, PTR

LINEAR = Slots(
    w=PTR,
    scales=PTR,  # int4: (blocks, groups, 64) bfloat16
    channels=PTR,  # int8: (N,) float32
    bias=PTR,  # (N,) float32
    steps=I64,  # 256 bytes each, in one block
    x=PTR,
    x_stride=I64,
    x_private=I64,  # bytes between the threads' own copies of x; 0: one copy
    wanted_only=I64,
    out=PTR,  # logits: unused, the state knows
    out_stride=I64,
    out_inner=I64,  # activate: inner size of the rows that are written
    layer=I64,  # scatter: …
    heads=I64,
    head_blocks=I64,  # blocks of 64 in a head's width
    factor=F32,  # by which queries are multiplied
)
BAND = 16 * MOST_ROWS
"""Rows in one item: a few tens of microseconds of work, so that nobody has to wait long for the last."""
Finish = Callable[[Operation, Machine, list[Value], Value, Value], None]
"""(operation, machine, 64 numbers, row, block)"""
Ask = Callable[[Operation, Value, Value], None]
"""(operation, row, block): ask memory for what the finish will read, before the kernel that takes a while."""


def linear_name(form: Format, finish: str) -> str:
    """What the kernel is called."""
    return f"linear_{form.name}_{finish}"


def add_linear(
    module: Module, machine: Machine, form: Format, name: str, finish: Finish, ask: Ask | None = None
) -> None:
    """Write one kernel; `add_tiles` of the same format must have gone before."""
    with operation(module, linear_name(form, name), LINEAR) as op:
        f = op.f
        result = f.scratch(TALL * BLOCK * 4)
        rows, _ = op.pick(op["wanted_only"])
        bands, passes = (rows + (BAND - 1)) // BAND, _passes(f, rows)
        x = op["x"] + op.thread * op["x_private"]
        with op.items() as item:
            block, start = item // bands, item % bands * (BAND // MOST_ROWS)
            with f.times(at_most(f, passes - start, BAND // MOST_ROWS)) as i:
                p = start + i
                first = p * rows // passes  # 13 rows are 4, 4 and 5, so that no pass waits for weights
                count = (p + 1) * rows // passes - first
                if ask is not None:
                    with f.times(count) as i:
                        ask(op, first + i, block)
                _call_tile(op, machine, form, (block, p, count, passes), x + first * op["x_stride"], result)
                with f.times(count) as i:
                    numbers = load_block(f, result + i * (4 * BLOCK), machine.lanes)
                    numbers = _scale_and_shift(op, form, numbers, block)
                    finish(op, machine, numbers, first + i, block)


def _passes(f: Function, rows: Value) -> Value:
    """How often a block of weights meets rows."""
    return f.choose(rows.below(TALL + 1), f.value(I64, 1), (rows + (MOST_ROWS - 1)) // MOST_ROWS)


def at_most(f: Function, number: Value, limit: int) -> Value:
    """The lesser of both."""
    return f.choose(number.below(limit), number, f.value(I64, limit))


def tile_address(f: Function, form: Format, count: Value, streams: Value) -> Value:
    """The kernel for `count` rows out of the table."""
    place = count - 1 + f.choose(streams, f.value(I64, 0), f.value(I64, TALL))
    return f.load(PTR, f.table(table_name(form)) + place * 8)


def _call_tile(
    op: Operation, machine: Machine, form: Format, where: tuple[Value, Value, Value, Value], x: Value, result: Value
) -> None:
    f, (block, p, count, passes) = op.f, where
    size = op["steps"] * STEP
    w = op["w"] + block * size
    scales = op["scales"] + block * (size * form.per_step // (2 * form.group)) if form.group_scales else op["scales"]
    parts = BLOCK // machine.lanes // columns_at_once(machine, form, MOST_ROWS)
    asked = p * op["steps"] * (64 * parts)  # of the next block, by the passes before
    ahead = f.choose(asked.below(size), w + size + asked, w)
    tile = tile_address(f, form, count, passes.equals(1))
    f.call(tile, w, scales, x, op["x_stride"], op["steps"], result, f.value(I64, 4 * BLOCK), ahead)


def _scale_and_shift(op: Operation, form: Format, numbers: Sequence[Value], block: Value) -> list[Value]:
    f, lanes, place = op.f, numbers[0].type.lanes, block * (4 * BLOCK)
    if form.group and not form.group_scales:
        channels = load_block(f, op["channels"] + place, lanes)
        numbers = [number * channel for number, channel in zip(numbers, channels, strict=True)]
    biases = load_block(f, op["bias"] + place, lanes)
    return [number + bias for number, bias in zip(numbers, biases, strict=True)]


def finish_logits(op: Operation, machine: Machine, numbers: list[Value], row: Value, block: Value) -> None:
    """Store; the state knows where."""
    store_block(op.f, numbers, op.state("logits") + row * op["out_stride"] + block * (4 * BLOCK))


def ask_add(op: Operation, row: Value, block: Value) -> None:
    """The rows lie far apart: without this, each of them would be waited for."""
    for line in range(0, 4 * BLOCK, 64):
        op.f.prefetch(_stream(op, row, block) + line)


def _stream(op: Operation, row: Value, block: Value) -> Value:
    return op["out"] + row * op["out_stride"] + block * (4 * BLOCK)


def finish_add(op: Operation, machine: Machine, numbers: list[Value], row: Value, block: Value) -> None:
    """Add to what is there."""
    place = _stream(op, row, block)
    there = load_block(op.f, place, machine.lanes)
    store_block(op.f, [old + new for old, new in zip(there, numbers, strict=True)], place)


def finish_activate(activation: str, form: Format) -> Finish:
    """Bend and store in the form of the next matrix."""

    def finish(op: Operation, machine: Machine, numbers: list[Value], row: Value, block: Value) -> None:
        bent = [ACTIVATION[activation](op.f, machine, number) for number in numbers]
        store_row_block(op.f, form, bent, op["out"] + row * op["out_stride"], block, op["out_inner"])

    return finish


def finish_scatter(cache: Format) -> Finish:
    """The first third are queries, the second keys, the last values; each third goes head by head."""

    def finish(op: Operation, machine: Machine, numbers: list[Value], row: Value, block: Value) -> None:
        f, third = op.f, op["heads"] * op["head_blocks"]
        part, place = block // third, block % third
        with f.when(part.equals(0)):
            queries = [number * f.splat(op["factor"], machine.lanes) for number in numbers]
            piece = op["out"] + row * op["out_stride"] + place * piece_bytes(cache)
            store_row_block(f, cache, queries, piece, f.value(I64, 0), f.value(I64, BLOCK))
        with f.when(part.equals(1)):
            store_key(op, cache, numbers, row, place)
        with f.when(part.equals(2)):
            store_value(op, cache, numbers, row, place)

    return finish
