"""The frame of every kernel that a program calls: named arguments, the state of the step, the items to compute.

A kernel is `void kernel(arguments, state, thread, first, count)`: it does some of its items, for a thread that may have
memory of its own. Arguments and state are arrays of 8-byte places; `Slots` gives the places names, writes them from
Python and reads them in IR. Arguments stay as long as the program; the state (which tokens, which rows, where the cache
lies) is set anew for each step.
"""

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.kernels.ir import Function, Module, Value
from glassgpt.kernels.types_of_llvm import F32, I64, PTR, Number, Type

Words = NDArray[np.int64]
Values = Mapping[str, NDArray[Any] | Number]
"""An array for its address, or a number."""


class Slots:
    """Names and types for the places of an array of 8-byte words."""

    def __init__(self, **kinds: Type) -> None:
        self.kinds = kinds
        self._places = {name: place for place, name in enumerate(kinds)}

    def offset(self, name: str) -> int:
        """Where one begins, in bytes."""
        return 8 * self._places[name]

    def read(self, f: Function, array: Value, name: str) -> Value:
        """The IR that loads one."""
        return f.load(self.kinds[name], array + self.offset(name))

    def fill(self, values: Values) -> Words:
        """An array with every place set: arrays by their address, which their owner must keep alive."""
        assert values.keys() == self.kinds.keys(), f"needs exactly {', '.join(self.kinds)}"
        return np.array([_word(kind, values[name]) for name, kind in self.kinds.items()], np.int64)

    def set(self, array: Words, values: Values) -> None:
        """Change some places."""
        for name, value in values.items():
            array[self._places[name]] = _word(self.kinds[name], value)


def _word(kind: Type, value: NDArray[Any] | Number) -> int:
    if kind == PTR:
        if isinstance(value, np.ndarray):
            assert value.flags.c_contiguous, "kernels read memory without gaps"
            return value.ctypes.data
        assert value == 0, "an address comes from an array; 0 stands for none"
        return 0
    assert not isinstance(value, np.ndarray)
    if kind == F32:
        return struct.unpack("i", struct.pack("f", value))[0]
    assert isinstance(value, int)
    return value


STATE = Slots(
    one=I64,  # 1
    rows=I64,  # tokens in this step
    bands=I64,  # the same in bands of `BAND`
    tokens=PTR,  # (rows) int64
    positions=PTR,  # (rows) int64: where each stands in its text
    texts=PTR,  # (rows) int64: which text of the cache it belongs to
    every_row=PTR,  # 0, 1, 2 …
    groups=I64,  # neighbouring rows of one text, six at most: read together by attention
    group_first=PTR,  # (groups) int64
    group_rows=PTR,  # (groups) int64
    wanted=I64,  # rows whose logits are asked for
    wanted_bands=I64,
    wanted_rows=PTR,  # (wanted) int64
    logits=PTR,  # (wanted, V) float32
    keys=PTR,  # the cache: see `cache.py`
    values=PTR,
    key_scales=PTR,  # of a cache of integers
    value_scales=PTR,
    layer_bytes=I64,
    text_bytes=I64,
    head_bytes=I64,
)


class Operation:
    """One kernel while it is written."""

    def __init__(self, function: Function, slots: Slots) -> None:
        self.f, self._slots = function, slots
        self.thread = function["thread"]
        self.notes = function.scratch(256)
        """Room on the stack for 64 numbers."""

    def __getitem__(self, name: str) -> Value:
        """An argument."""
        return self._slots.read(self.f, self.f["arguments"], name)

    def state(self, name: str) -> Value:
        """Something about this step."""
        return STATE.read(self.f, self.f["state"], name)

    @contextmanager
    def items(self) -> Iterator[Value]:
        """For each item that is asked for. Each is computed by one thread: sums do not depend on who takes which."""
        with self.f.times(self.f["count"]) as i:
            yield self.f["first"] + i

    def pick(self, wanted_only: Value) -> tuple[Value, Value]:
        """How many rows, and the table of their numbers: all, or those whose logits are wanted."""
        f, only = self.f, wanted_only.equals(1)
        count = f.choose(only, self.state("wanted"), self.state("rows"))
        return count, f.choose(only, self.state("wanted_rows"), self.state("every_row"))


@contextmanager
def operation(module: Module, name: str, slots: Slots) -> Iterator[Operation]:
    """Write a kernel."""
    with module.function(name, arguments=PTR, state=PTR, thread=I64, first=I64, count=I64) as f:
        yield Operation(f, slots)


def entry(kernel: int, arguments: Words, factor: int, count: str = "one", *, private: bool = False) -> Words:
    """A line of a program: the kernel runs for `factor` · `state[count]` items, or whole by each thread for itself."""
    return np.array([kernel, arguments.ctypes.data, factor, STATE.offset(count), int(private)], np.int64)
