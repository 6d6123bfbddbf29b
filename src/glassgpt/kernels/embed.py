"""Embedding: where every text begins. x = the word's row + the place's row.

Where the head is the word embedding too, there is no table of words: rows are read out of the packed head, where the
number of word t at inner position k lies as `layout.py` says. A row is then spread over as many cache lines as a matrix
has steps, which costs microseconds a token and saves the largest tensor of the model.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from glassgpt.kernels.arithmetic import Floats
from glassgpt.kernels.ir import Module, Value
from glassgpt.kernels.layout import BFLOAT16, BLOCK, FLOAT32, INT4, INT8, Format
from glassgpt.kernels.operation import Operation, Slots, Values, operation
from glassgpt.kernels.tile import STEP
from glassgpt.kernels.types_of_llvm import F32, I8, I16, I32, I64, PTR
from glassgpt.kernels.weights import Weights

EMBED = Slots(
    words=PTR,  # a table of rows, or a packed matrix
    steps=I64,  # of one of its blocks
    channel_scales=PTR,
    group_scales=PTR,
    places=PTR,
    width=I64,
    x=PTR,
    x_stride=I64,
)
Read = Callable[[Value, Value], Value]
"""(row, inner position) -> its number as float32."""


def add_embed(module: Module, head: Format) -> None:
    """x[row] = words[token] + places[position], the words from a table or from a packed head of this format."""
    for half in (False, True):
        _add(module, embed_name(None, half), None, half)
        _add(module, embed_name(head, half), head, half)


def _add(module: Module, name: str, head: Format | None, half: bool) -> None:
    with operation(module, name, EMBED) as op:
        f = op.f
        word = _from_table(op, "words", half) if head is None else _from_head(op, head)
        place = _from_table(op, "places", half)
        with op.items() as row:
            token = f.load(I64, op.state("tokens") + row * 8)
            position = f.load(I64, op.state("positions") + row * 8)
            with f.times(op["width"]) as i:
                f.store(word(token, i) + place(position, i), op["x"] + row * op["x_stride"] + i * 4)


def embed_name(head: Format | None, half: bool) -> str:
    """What the kernel is called: for words in a head of some format or in a table, tables in bfloat16 or float32."""
    tables = "bfloat16" if half else "float32"
    return f"embed_{tables}" if head is None else f"embed_{head.name}_{tables}"


def embed_values(weights: Weights) -> tuple[str, Values]:
    """The kernel that suits a model, and its arguments that come from there."""
    packed, half = weights.head.packed, weights.places.dtype == np.uint16
    common = {"places": weights.places, "width": weights.shape.width}
    if weights.words is not None:
        absent = {"steps": 0, "channel_scales": 0, "group_scales": 0}
        return embed_name(None, half), {"words": weights.words, **absent, **common}
    channels, groups = packed.channel_scales, packed.group_scales
    scales = {"channel_scales": 0 if channels is None else channels, "group_scales": 0 if groups is None else groups}
    steps = packed.inner // packed.format.per_step
    return embed_name(packed.format, half), {"words": packed.data, "steps": steps, **scales, **common}


def embed_twin(words: Floats, places: Floats, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> Floats:
    """The same."""
    return words[tokens] + places[positions]


def _from_table(op: Operation, name: str, half: bool) -> Read:
    def read(row: Value, i: Value) -> Value:
        place = op[name] + (row * op["width"] + i) * (2 if half else 4)
        return _widened(op, place) if half else op.f.load(F32, place)

    return read


def _from_head(op: Operation, form: Format) -> Read:
    """The number of an output at an inner position: which block, which step, which column, which part of its bytes."""
    f = op.f

    def read(row: Value, i: Value) -> Value:
        block = op["words"] + row // BLOCK * op["steps"] * STEP
        column = block + i // form.per_step * STEP + row % BLOCK * 4
        if form is FLOAT32:
            return f.load(F32, column)
        if form is BFLOAT16:
            return _widened(op, column + i % 2 * 2)
        stored = f.convert("zext", f.load(I8, column + i % 4), I32)
        if form is INT4:  # four positions in the low halves of the bytes, four in the high ones
            stored = (stored >> f.convert("trunc", i // 4 % 2 * 4, I32)) & 15
        scale = f.load(F32, op["channel_scales"] + row * 4) if form is INT8 else group_scale(row, i)
        return f.convert("sitofp", stored - form.offset, F32) * scale

    def group_scale(row: Value, i: Value) -> Value:
        groups = op["steps"] // (form.group // form.per_step)
        place = (row // BLOCK * groups + i // form.group) * BLOCK + row % BLOCK
        return _widened(op, op["group_scales"] + place * 2)

    return read


def _widened(op: Operation, place: Value) -> Value:
    """A bfloat16 in memory as float32."""
    return op.f.bits(op.f.convert("zext", op.f.load(I16, place), I32) << 16, F32)
