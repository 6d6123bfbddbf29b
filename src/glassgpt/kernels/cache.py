"""Keys and values, in the same blocks as weights, so that the same micro-kernel reads them.

For each layer, text and head, with R positions (a multiple of 64) and a head width W (too; padded with zeros):

    keys    (R/64, W / per_step, 64, elements)   a matrix whose outputs are positions and whose inner side is the width
    values  (W/64, R / per_step, 64, elements)   a matrix whose outputs are the width and whose inner side is positions

Then q·Kᵀ and p·V are rows times a matrix like all others. A new token writes one column of each.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin
from glassgpt.kernels.ir import Value
from glassgpt.kernels.layout import BFLOAT16, BLOCK, Format, padded
from glassgpt.kernels.memory import aligned
from glassgpt.kernels.operation import Operation
from glassgpt.kernels.rows import store_row_block
from glassgpt.kernels.tile import STEP
from glassgpt.kernels.types_of_llvm import I16, I32, I64


@dataclass(slots=True)
class Cache:
    """The memory of some texts: two arrays (layers, texts, heads, numbers of a head)."""

    form: Format
    room: int
    """Positions of each text, a multiple of 64."""
    width: int
    """Of a head, padded."""
    keys: NDArray[Any]
    values: NDArray[Any]

    @classmethod
    def empty(cls, form: Format, layers: int, texts: int, heads: int, head_width: int, room: int) -> "Cache":
        """All zeros: what was never written must be finite, for it is multiplied by zero."""
        room, width = padded(room), padded(head_width)
        shape = (layers, texts, heads, room * width)
        return cls(form, room, width, aligned(shape, form.dtype), aligned(shape, form.dtype))

    @property
    def texts(self) -> int:
        """How many texts."""
        return self.keys.shape[1]

    def copy(self, source: int, text: int, length: int) -> None:
        """Text `text` gets the first `length` positions of text `source`: whole blocks of them."""
        used = padded(length)
        self.keys[:, text, :, : used * self.width] = self.keys[:, source, :, : used * self.width]
        values = self.values.reshape(*self.values.shape[:3], self.width // BLOCK, -1)
        values[:, text, ..., : used * BLOCK] = values[:, source, ..., : used * BLOCK]

    def strides(self) -> dict[str, int]:
        """What the state needs to find a head."""
        layer, text, head, _ = self.keys.strides
        return {"layer_bytes": layer, "text_bytes": text, "head_bytes": head}

    def tables(self, layer: int, text: int, head: int) -> tuple[Floats, Floats]:
        """Keys and values of one head as plain tables (room, width): what the layout means."""
        per_step, (keys, values) = self.form.per_step, (side[layer, text, head] for side in (self.keys, self.values))
        keys = keys.reshape(self.room // BLOCK, self.width // per_step, BLOCK, per_step)
        values = values.reshape(self.width // BLOCK, self.room // per_step, BLOCK, per_step)
        keys = keys.transpose(0, 2, 1, 3).reshape(self.room, self.width)
        values = values.transpose(1, 3, 0, 2).reshape(self.room, self.width)
        if self.form is BFLOAT16:
            return from_bfloat16_twin(keys), from_bfloat16_twin(values)
        return keys, values


def head_of(op: Operation, side: str, layer: Value, text: Value, head: Value) -> Value:
    """Where the keys or values of one head begin."""
    place = op.state(side) + layer * op.state("layer_bytes")
    return place + text * op.state("text_bytes") + head * op.state("head_bytes")


def _block_of_row(op: Operation, side: str, row: Value, place: Value) -> tuple[Value, Value, Value]:
    """(the head's memory, which 64 of its width, the row's position); place counts blocks of 64 over all heads."""
    f, blocks = op.f, op["head_blocks"]
    text, position = (f.load(I64, op.state(name) + row * 8) for name in ("texts", "positions"))
    return head_of(op, side, op["layer"], text, place // blocks), place % blocks, position


def store_key(op: Operation, form: Format, numbers: list[Value], row: Value, place: Value) -> None:
    """64 numbers of a key become a part of one column: four bytes into each step."""
    f = op.f
    head, piece, position = _block_of_row(op, "keys", row, place)
    packed = op.notes
    store_row_block(f, form, numbers, packed, f.value(I64, 0), f.value(I64, 0))
    steps = BLOCK // form.per_step
    block = head + position // BLOCK * op["head_blocks"] * (steps * STEP) + piece * (steps * STEP)
    column = block + position % BLOCK * 4
    with f.times(steps) as i:
        f.store(f.load(I32, packed + i * 4), column + i * STEP)


def store_value(op: Operation, form: Format, numbers: list[Value], row: Value, place: Value) -> None:
    """64 numbers of a value become a part of one step: an element of every fourth byte."""
    f = op.f
    head, piece, position = _block_of_row(op, "values", row, place)
    packed = op.notes
    store_row_block(f, form, numbers, packed, f.value(I64, 0), f.value(I64, 0))
    size = 4 // form.per_step
    kind = I32 if size == 4 else I16
    step = head + piece * (op.state("head_bytes") // op["head_blocks"]) + position // form.per_step * STEP
    with f.times(BLOCK) as i:
        f.store(f.load(kind, packed + i * size), step + i * 4 + position % form.per_step * size)
