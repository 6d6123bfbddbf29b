"""The micro-kernel: a few rows times one block of 64 outputs. Everything heavy in GPT-2 is this, over and over.

    out[r, n] = Σ over k of  x[r, k] · w[n, k]        r < rows ≤ 12, n < 64

Why it looks as it does:

- **The sums stay in registers.** A row has 64 sums, four registers of 16; six rows fill 24 of the 32 that AVX-512 has.
  Up to six rows nothing is written to memory before the last product. Each loaded weight serves all rows, and each
  row's numbers serve all outputs: 24 multiply-adds for 4 + 6 loads.
- **A step is four bytes deep.** The weights lie so that 256 bytes hold one step of all 64 outputs (`layout.py`); the
  four bytes of a row that belong to it are copied to every lane. What those four bytes mean (one float32, two bfloat16,
  four int8) only decides which instruction multiplies.
- **The order is fixed.** Each output has one sum, and k runs from 0 to the end, for one row as for six. So the result
  of a row is the same to the bit, whoever is beside it. All that the engine promises about that rests on this line.
- **Weights are asked for early.** With few rows the kernel waits for memory, not for arithmetic: it asks 4 KB ahead.
  With many rows the block is used again and again; meanwhile each pass asks for a piece of the next block.
- **Both at once.** Of 7 to 12 rows the registers hold half. Were the block read twice, the first half of the rows would
  wait for memory and the second would leave it idle. So both take turns every 8 KB, which stay in the nearest cache,
  and each asks for half of the next 8 KB; in between the sums wait in memory, bit by bit as they were.

Integers gather in 32 bits within a group of inner positions; then the group's scales turn the sum into float32. Those
float32 sums may well be put aside while a group is read: they are needed once in 16 steps, and wider tiles, which read
the weights straight on, are worth it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from glassgpt.kernels.arithmetic import Floats, Reals, multiply_add
from glassgpt.kernels.dot import Dot, dot_of
from glassgpt.kernels.ir import Function, Module, Value
from glassgpt.kernels.layout import BLOCK, INT4, Format, Packed
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.packing import scales_of_groups, unpack
from glassgpt.kernels.rows import rows_twin, scales_of, starts_of
from glassgpt.kernels.types_of_llvm import F32, I16, I32, I64, PTR

MOST_ROWS = 6
TALL = 2 * MOST_ROWS
"""Rows of the tallest tile."""
STEP = 4 * BLOCK
"""Bytes of weights in one step."""
AHEAD = 4096
"""How many bytes ahead weights are asked for when they come from memory."""
CHUNK = 32
"""Steps after which the halves of a tall tile take turns: a whole number of groups."""

Ask = Callable[[Value], None]
"""(step): ask memory for what will be needed."""


class Panel(NamedTuple):
    """What one call works on, as addresses."""

    w: Value
    scales: Value
    """Scales of the block's groups (int4)."""
    x: Sequence[Value]
    """Each row."""
    steps: Value
    ask: Ask


def table_name(form: Format) -> str:
    """The table of kernels for a format: those that stream, for 1 … 12 rows, then for 1 … 6 those that do not."""
    return f"tiles_{form.name}"


def add_tiles(module: Module, machine: Machine, form: Format) -> None:
    """Write all kernels of a format, and a table of their addresses."""
    names = []
    for streams, most in ((True, TALL), (False, MOST_ROWS)):
        for rows in range(1, most + 1):
            names.append(f"tile_{form.name}_{'stream' if streams else 'reuse'}_{rows}")
            add_tile(module, names[-1], machine, form, rows, streams)
    module.table(table_name(form), names)


def add_tile(module: Module, name: str, machine: Machine, form: Format, rows: int, streams: bool) -> None:
    """Write one kernel. Row r of `x` begins `x_stride` bytes after row r − 1, likewise `out`."""
    with module.function(
        name, w=PTR, scales=PTR, x=PTR, x_stride=I64, steps=I64, out=PTR, out_stride=I64, ahead=PTR
    ) as f:
        if rows > MOST_ROWS:
            _tall(f, dot_of(machine, form), rows)
        else:
            _whole(f, dot_of(machine, form), rows, streams)


def columns_at_once(machine: Machine, form: Format, rows: int) -> int:
    """How many registers of outputs fit beside each other: 1, 2, 4 … of the 64 / lanes there are."""
    weights = dot_of(machine, form).parts
    columns = BLOCK // machine.lanes
    while columns > 1 and (rows + weights) * columns + 2 > machine.registers:
        columns //= 2
    return columns


def _whole(f: Function, dot: Dot, rows: int, streams: bool) -> None:
    """All steps for as many outputs as the registers hold, then for the next ones."""
    columns = columns_at_once(dot.machine, dot.form, rows)
    width = 4 * columns * dot.lanes
    with f.times(STEP // width) as part:
        w = f["w"] + part * width

        def ask(i: Value) -> None:
            if not streams:
                f.prefetch(f["ahead"] + (part * f["steps"] + i) * 64)
                return
            for line in range(0, width, 64):
                f.prefetch(w + i * STEP + AHEAD + line)

        panel = Panel(w, f["scales"] + part * (width // 2), _rows(f, "x", range(rows)), f["steps"], ask)
        zeros = [f.value(F32.of(dot.lanes), 0.0)] * (rows * columns)
        sums = _sums(f, dot, panel, f.value(I64, 0), f["steps"], zeros)
        for total, place in zip(sums, _places(f, dot, range(rows), columns), strict=True):
            f.store(total, place + part * width)


def _tall(f: Function, dot: Dot, rows: int) -> None:
    """A chunk of the steps for each half of the rows (and of the outputs, as the registers want), then the next."""
    upper = (rows + 1) // 2
    halves = range(upper), range(upper, rows)
    columns = columns_at_once(dot.machine, dot.form, upper)
    width, steps = 4 * columns * dot.lanes, f["steps"]
    with f.times(STEP // width) as part:
        for place in _places(f, dot, range(rows), columns):
            f.store(f.value(F32.of(dot.lanes), 0.0), place + part * width)
    with f.times((steps + (CHUNK - 1)) // CHUNK) as chunk, f.times(STEP // width) as part:
        first = chunk * CHUNK
        count = f.choose((steps - first).below(CHUNK), steps - first, f.value(I64, CHUNK))
        w, scales = f["w"] + part * width, f["scales"] + part * (width // 2)
        for n, half in enumerate(halves):
            lines = range(64 * n, width, 128)

            def ask(i: Value, lines: range = lines) -> None:
                for line in lines:
                    f.prefetch(w + (i + CHUNK) * STEP + line)

            places = [place + part * width for place in _places(f, dot, half, columns)]
            sums = [f.load(F32.of(dot.lanes), place) for place in places]
            panel = Panel(w, scales, _rows(f, "x", half), steps, ask)
            for total, place in zip(_sums(f, dot, panel, first, count, sums), places, strict=True):
                f.store(total, place)


def _rows(f: Function, name: str, rows: range) -> list[Value]:
    return [f[name] + f[f"{name}_stride"] * r for r in rows]


def _places(f: Function, dot: Dot, rows: range, columns: int) -> list[Value]:
    """Where the sums of some rows go, the first columns of each."""
    return [row + c * (4 * dot.lanes) for row in _rows(f, "out", rows) for c in range(columns)]


def _sums(f: Function, dot: Dot, panel: Panel, first: Value, count: Value, sums: Sequence[Value]) -> Sequence[Value]:
    """The sums after some more steps."""
    if dot.form.group:
        return _integer_sums(f, dot, panel, first, count, sums)
    return f.fold(count, sums, lambda i, sums: _step(f, dot, panel, first + i, sums))


def _integer_sums(
    f: Function, dot: Dot, panel: Panel, first: Value, count: Value, sums: Sequence[Value]
) -> Sequence[Value]:
    """Group by group: whole numbers first, then sum += whole · scale of the row · scale of the weights."""
    form, columns = dot.form, len(sums) // len(panel.x)
    steps = form.group // form.per_step
    inner = panel.steps * form.per_step

    def group(n: Value, sums: list[Value]) -> list[Value]:
        g = first // steps + n
        starts = [f.value(I32.of(dot.lanes), 0)] * len(panel.x)
        if not dot.centred:
            starts = [f.splat(f.load(I32, starts_of(x, inner, form) + g * 4), dot.lanes) for x in panel.x]
        begin = [start for start in starts for _ in range(columns)]
        whole = f.fold(f.value(I64, steps), begin, lambda i, sums: _step(f, dot, panel, g * steps + i, sums))
        scales = [f.splat(f.load(F32, scales_of(x, inner) + g * 4), dot.lanes) for x in panel.x]
        return _scaled(f, dot, whole, sums, scales, panel.scales + g * (2 * BLOCK))

    return f.fold(count // steps, sums, group)


def _scaled(
    f: Function, dot: Dot, whole: Sequence[Value], sums: Sequence[Value], scales: Sequence[Value], place: Value
) -> list[Value]:
    columns = len(sums) // len(scales)
    weights = [None] * columns
    if dot.form.group_scales:
        weights = [_bfloat16(f, place + c * (2 * dot.lanes), dot.lanes) for c in range(columns)]
    result = []
    for n, (number, total) in enumerate(zip(whole, sums, strict=True)):
        scale, weight = scales[n // columns], weights[n % columns]
        factor = scale if weight is None else scale * weight
        result.append(multiply_add(f, dot.machine, f.convert("sitofp", number, F32), factor, total))
    return result


def _step(f: Function, dot: Dot, panel: Panel, i: Value, sums: Sequence[Value]) -> list[Value]:
    """One step: 256 bytes of weights (or this part of them) meet four bytes of each row."""
    columns = len(sums) // len(panel.x)
    place, register = panel.w + i * STEP, 4 * dot.lanes
    weights = [f.load(I32.of(dot.lanes), place + c * register) for c in range(columns)]
    panel.ask(i)
    after = list(sums)
    for half in range(dot.halves):  # int4: the low halves of the bytes, then the high ones
        numbers = [dot.part(weight, half) for weight in weights]
        for r, x in enumerate(panel.x):
            four = f.splat(f.load(I32, x + i * (4 * dot.halves) + 4 * half), dot.lanes)
            for c in range(columns):
                n = r * columns + c
                after[n] = dot.multiply(f, after[n], numbers[c], four)
    return after


def _bfloat16(f: Function, place: Value, lanes: int) -> Value:
    whole = f.convert("zext", f.load(I16.of(lanes), place), I32)
    return f.bits(whole << 16, F32.of(lanes))


def tile_twin(packed: Packed, x: Floats) -> Reals:
    """(rows, N): the same sums in NumPy, on rows rounded as the kernel's are; channel scales are not applied."""
    form = packed.format
    rows = rows_twin(x, form)
    if not form.group:
        return rows @ unpack(packed).T
    numbers = unpack(Packed(form, packed.data, np.ones(packed.blocks * BLOCK, np.float32)))
    scales = scales_of_groups(packed) if form is INT4 else np.ones(1)
    return _by_groups(rows, numbers, scales, form.group)


def _by_groups(x: Reals, w: Reals, scales: Reals, group: int) -> Reals:
    products = np.einsum("rgk,ngk->rng", _cut(x, group), _cut(w, group), optimize=True)
    return (products * scales).sum(axis=2)


def _cut(a: Reals, group: int) -> Reals:
    return a.reshape(len(a), -1, group).astype(np.float64)
