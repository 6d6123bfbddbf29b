"""Compiled kernels for each machine that this one can imitate, made once; and calls of single kernels."""

from functools import cache

import numpy as np

from glassgpt.kernels.arithmetic import to_bfloat16_twin
from glassgpt.kernels.crew import Crew
from glassgpt.kernels.ir import Module
from glassgpt.kernels.layout import BFLOAT16, FLOAT32, FORMATS, INT4, INT8
from glassgpt.kernels.library import Design, Library, build, compile_module
from glassgpt.kernels.machine import host, host_variants
from glassgpt.kernels.memory import aligned
from glassgpt.kernels.rows import integers_twin, row_bytes
from glassgpt.kernels.step import Stepper

MACHINES = {machine.name: machine for machine in host_variants()}
QUICK = [(host().name, name) for name in FORMATS]
"""What the unit tests compile; the other machines have their turn in the slow part."""
EVERY = [(machine, name) for machine in MACHINES for name in FORMATS]
DESIGNS = {
    "float32": Design(FLOAT32, FLOAT32, FLOAT32, "gelu_new"),
    "bfloat16": Design(BFLOAT16, BFLOAT16, BFLOAT16, "gelu_new"),
    "int8": Design(INT8, INT8, BFLOAT16, "gelu_new"),
    "int4": Design(INT4, INT4, BFLOAT16, "gelu_new"),
    "int4, head int8": Design(INT4, INT8, BFLOAT16, "gelu_new"),
    "int8, cache int8": Design(INT8, INT8, INT8, "gelu_new"),
    "float32, cache int8": Design(FLOAT32, FLOAT32, INT8, "gelu_new"),
    "bfloat16, cache float32": Design(BFLOAT16, BFLOAT16, FLOAT32, "gelu_new"),
}


@cache
def library(machine: str, design: Design) -> Library:
    return Library(compile_module(build(MACHINES[machine], design), MACHINES[machine]))


@cache
def crew(machine: str, design: Design, threads: int) -> Crew:
    return Crew(library(machine, design), threads)


def stepper(machine, design, weights, threads=1, most_rows=64) -> Stepper:
    return Stepper(weights, design, library(machine, design), crew(machine, design, threads), most_rows)


def call(library: Library, name: str, *arguments) -> None:
    """Call a kernel by name; arrays go by their address."""
    words = [one.ctypes.data if isinstance(one, np.ndarray) else one for one in arguments]
    library.function(name, len(words))(*words)


def compiled(machine: str, write) -> Library:
    """A library of what `write(module)` adds."""
    module = Module()
    write(module)
    return Library(compile_module(module, MACHINES[machine]))


def stored_rows(x, form):
    """Rows as kernels read them, written by the twins."""
    rows, inner = x.shape
    stored = aligned((rows, row_bytes(inner, form)), np.uint8)
    for row, place in zip(x, stored, strict=True):
        if form is FLOAT32:
            parts = [row]
        elif form is BFLOAT16:
            parts = [to_bfloat16_twin(row)]
        else:
            whole, scales = integers_twin(row, form)
            starts = (-form.offset * whole.sum(axis=-1)).astype(np.int32)
            parts = [whole.astype(np.int8), scales.astype(np.float32), starts]
        joined = np.concatenate([np.ascontiguousarray(part).view(np.uint8).ravel() for part in parts])
        place[: len(joined)] = joined
    return stored
