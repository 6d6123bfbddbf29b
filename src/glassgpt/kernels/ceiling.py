"""What this machine can do at best: how fast all threads read memory, and how fast they multiply in registers.

A step of one row can be no faster than reading the weights, a prompt no faster than the multiplications. Both limits
are measured with kernels of the same make as all others, so that speeds can be set beside them.
"""

import time
from dataclasses import dataclass

import numpy as np

from glassgpt.kernels.crew import Crew
from glassgpt.kernels.dot import dot_of
from glassgpt.kernels.ir import Module, Value
from glassgpt.kernels.layout import FORMATS, Format
from glassgpt.kernels.library import Library, compile_module
from glassgpt.kernels.machine import Machine, host
from glassgpt.kernels.memory import huge
from glassgpt.kernels.operation import STATE, Slots, Words, entry, operation
from glassgpt.kernels.sharing import add_sharing
from glassgpt.kernels.tile import MOST_ROWS, STEP, columns_at_once
from glassgpt.kernels.types_of_llvm import F32, I32, I64, PTR

READ = Slots(data=PTR, out=PTR)
PEAK = Slots(numbers=PTR, times=I64, out=PTR)
PIECE = 64 * STEP
"""Bytes that a thread reads before it looks how many are left."""
STREAM_BYTES = 256 << 20
"""Far more than any cache holds."""
LINES = 16
"""Cache lines that a thread asks for ahead, as the kernels do."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The limits of some threads together."""

    bytes_per_second: float
    """Reading memory in order."""
    operations_per_second: dict[str, float]
    """Multiplications and additions in registers, for each format of weights."""


def measure_ceiling(threads: int, formats: tuple[str, ...], *, stream_bytes: int | None = None) -> Ceiling:
    """Measure for about a second; the best of some rounds, for whatever disturbs only slows down."""
    machine, module = host(), Module()
    add_read(module, machine)
    forms = [FORMATS[name] for name in formats]
    for form in forms:
        add_peak(module, machine, form)
    add_sharing(module, machine)
    library = Library(compile_module(module, machine))
    crew, out = Crew(library, threads), np.zeros(threads * STEP, np.uint8)
    data = huge((stream_bytes or STREAM_BYTES) // PIECE * PIECE)
    data[:] = 1
    values = {"data": data, "out": out}
    speed = len(data) / _best(crew, (library.address("read"), READ.fill(values), len(data) // PIECE), rounds=8)
    peaks: dict[str, float] = {}
    for form in forms:
        values = {"numbers": np.zeros(STEP, np.uint8), "times": 1 << 20, "out": out}
        seconds = _best(crew, (library.address(f"peak_{form.name}"), PEAK.fill(values), threads), rounds=5)
        peaks[form.name] = threads * (1 << 20) * operations_a_turn(machine, form) / seconds
    return Ceiling(speed, peaks)


def add_read(module: Module, machine: Machine) -> None:
    """Write a kernel that reads whole pieces, and adds up what it reads so that it must."""
    wide = I32.of(machine.lanes)
    register = 4 * machine.lanes
    with operation(module, "read", READ) as op:
        f = op.f
        data, out = op["data"], op["out"] + op.thread * STEP
        with op.items() as piece:

            def step(i: Value, sums: list[Value]) -> list[Value]:
                place = data + piece * PIECE + i * STEP
                for line in range(0, STEP, 64):
                    f.prefetch(place + (LINES * STEP + line))
                return [total + f.load(wide, place + n * register) for n, total in enumerate(sums)]

            zeros = [f.value(wide, 0)] * (STEP // register)
            for n, total in enumerate(f.fold(f.value(I64, PIECE // STEP), zeros, step)):
                f.store(total, out + n * register)


def add_peak(module: Module, machine: Machine, form: Format) -> None:
    """Write a kernel that multiplies what stays in registers, into as many sums as the micro-kernel has."""
    dot, wide = dot_of(machine, form), I32.of(machine.lanes)
    with operation(module, f"peak_{form.name}", PEAK) as op:
        f = op.f
        w, x = (f.load(wide, op["numbers"] + place * 4 * machine.lanes) for place in range(2))
        start = f.value(wide if form.group else F32.of(machine.lanes), 0)

        def step(i: Value, sums: list[Value]) -> list[Value]:
            return [dot.multiply(f, total, w, x) for total in sums]

        with op.items():
            first, *others = f.fold(op["times"], [start] * sums_of(machine, form), step)
            for other in others:  # a sum that nobody wants would not be computed
                first = first + other
            f.store(first, op["out"] + op.thread * STEP)


def sums_of(machine: Machine, form: Format) -> int:
    """How many sums the micro-kernel for six rows keeps in registers."""
    return MOST_ROWS * columns_at_once(machine, form, MOST_ROWS)


def operations_a_turn(machine: Machine, form: Format) -> int:
    """Multiplications and additions in one turn of the loop: one of each for a lane and an inner position."""
    per_lane = 4 // np.dtype(form.dtype).itemsize
    return 2 * sums_of(machine, form) * machine.lanes * per_lane


def _best(crew: Crew, task: tuple[int, Words, int], rounds: int) -> float:
    """Seconds of the fastest of some runs of a kernel with its arguments, for so many items."""
    kernel, arguments, items = task
    program = np.array([entry(kernel, arguments, items)], np.int64)
    state: Words = np.zeros(len(STATE.kinds), np.int64)
    STATE.set(state, {"one": 1})
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        crew.run(program, state)
        times.append(time.perf_counter() - start)
    return min(times)
