"""Threads that run a program together: they wait for each other by spinning briefly, and sleep when idle.

A program is a list of (kernel, arguments, barrier?). Each thread runs all of it and does its share of each kernel;
where there is a barrier, nobody goes on before all have arrived. That takes well under a microsecond, and a step of
GPT-2 small has sixty, so they spin: first with the CPU's pause instruction, then giving way to other processes.
Between steps, too, a helper spins, for about as long as choosing a token takes. Then it sleeps in Python, on a
semaphore.
"""

import ctypes
import os
import sys
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.ir import Function, Module, Value
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.operation import Words
from glassgpt.kernels.types_of_llvm import I64, PTR

if TYPE_CHECKING:
    from glassgpt.kernels.library import Library

LINE = 64
"""Bytes of a cache line: what different threads write lies in different lines."""
THREADS, PROGRAM, COUNT, STATE, YIELD = (8 * place for place in range(5))
GENERATION, ARRIVED, PHASE = LINE, 2 * LINE, 3 * LINE
HELPERS = 4 * LINE
SEEN, STATUS, WOKEN = (8 * place for place in range(3))  # in the line of each helper
AWAKE, ASLEEP = 0, 1
PATIENCE = 1000
"""Pauses before a thread gives way at a barrier: some ten microseconds."""
LINGER = 20_000
"""Pauses before a helper goes to sleep: some hundreds of microseconds."""
ENTRY = 24
"""Bytes of one (kernel, arguments, barrier?)."""


def add_crew(module: Module, machine: Machine) -> None:
    """Write what the threads run: `barrier`, `run` (everyone), `start` (the caller), `serve` (a helper)."""
    with module.function("barrier", pool=PTR) as f:
        _barrier(f, machine)
    with module.function("run", pool=PTR, thread=I64) as f:
        program, count, state, threads = (f.load(kind, f["pool"] + place) for kind, place in _ORDER)
        with f.times(count) as i:
            entry = program + i * ENTRY
            f.call(f.load(PTR, entry), f.load(PTR, entry + 8), state, f["thread"], threads)
            with f.when(f.load(I64, entry + 16).equals(1)):
                f.call("barrier", f["pool"])
    with module.function("start", pool=PTR) as f:
        f.atomic("add", f["pool"] + GENERATION, 1)
        with f.times(f.load(I64, f["pool"] + THREADS) - 1) as i:
            helper = f["pool"] + HELPERS + i * LINE
            f.store(f.swap_if(helper + STATUS, ASLEEP, AWAKE), helper + WOKEN)
    with module.function("serve", pool=PTR, thread=I64) as f:
        _serve(f, machine)


_ORDER = ((PTR, PROGRAM), (I64, COUNT), (PTR, STATE), (I64, THREADS))


def _barrier(f: Function, machine: Machine) -> None:
    """The last to arrive turns the phase over; the others wait for that."""
    spins = f.scratch(8)
    threads, phase = f.load(I64, f["pool"] + THREADS), f["pool"] + PHASE
    with f.when(f.value(I64, 1).below(threads)):
        before = f.look(phase)
        last = f.atomic("add", f["pool"] + ARRIVED, 1).equals(threads - 1)
        with f.when(last):
            f.atomic("xchg", f["pool"] + ARRIVED, 0)
            f.atomic("add", phase, 1)
        f.store(f.value(I64, 0), spins)
        with f.forever() as leave:
            leave(before.below(f.look(phase)))
            _pause(f, machine)
            waited = _count(f, spins)
            with f.when(f.value(I64, PATIENCE).below(waited)):
                f.call(f.load(PTR, f["pool"] + YIELD))


def _serve(f: Function, machine: Machine) -> None:
    """Run each program that comes; return when none has come for a while."""
    spins, tired = f.scratch(8), f.scratch(8)
    generation = f["pool"] + GENERATION
    me = f["pool"] + HELPERS + (f["thread"] - 1) * LINE
    with f.forever() as leave:
        seen = f.load(I64, me + SEEN)
        f.store(f.value(I64, 0), spins)
        f.store(f.value(I64, 0), tired)
        with f.forever() as stop_spinning:
            stop_spinning(seen.below(f.look(generation)))
            _pause(f, machine)
            stop_spinning(f.value(I64, LINGER).below(_count(f, spins)))
        with f.when(f.look(generation).equals(seen)):
            _fall_asleep(f, me, seen, tired)
        leave(f.load(I64, tired).equals(1))
        f.store(f.look(generation), me + SEEN)
        f.call("run", f["pool"], f["thread"])


def _fall_asleep(f: Function, me: Value, seen: Value, tired: Value) -> None:
    """Say so first, then look once more: the caller counts first, then asks who sleeps. So one of us notices."""
    f.atomic("xchg", me + STATUS, ASLEEP)
    now = f.look(f["pool"] + GENERATION)
    with f.when(now.equals(seen)):
        f.store(f.value(I64, 1), tired)
    with f.when(seen.below(now)):
        status = f.swap_if(me + STATUS, ASLEEP, AWAKE)
        with f.when(status.equals(AWAKE)):  # the caller saw us asleep and is about to wake us
            f.store(f.value(I64, 1), tired)


def _pause(f: Function, machine: Machine) -> None:
    if machine.pause:
        f.module.declare(f"declare void @{machine.pause}()")
        f.call(machine.pause)


def _count(f: Function, place: Value) -> Value:
    number = f.load(I64, place) + 1
    f.store(number, place)
    return number


def _yield_address() -> int:
    """The system's own function for giving way to others."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


def usable_cores() -> int:
    """How many threads are worth having: one for each core that this process may use, or $OMP_NUM_THREADS.

    Two threads of one core share its arithmetic and its caches; they would only wait for each other.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len({_core_of(cpu) for cpu in os.sched_getaffinity(0)})


def _core_of(cpu: int) -> str:
    """The CPUs that share a core with this one, as Linux lists them; itself where that is not known."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


class Crew:
    """The calling thread and some helpers; one program runs at a time."""

    def __init__(self, library: "Library", threads: int) -> None:
        if threads < 1:
            raise InvalidParameter("threads", threads, "must be a whole number ≥ 1")
        self.threads = threads
        self._library = library
        self._start, self._run = library.function("start", 1), library.function("run", 2)
        self._lock = threading.Lock()
        self._hire()

    def _hire(self) -> None:
        self._process = os.getpid()
        self._pool = np.zeros((HELPERS + self.threads * LINE) // 8, np.int64)
        self._pool[THREADS // 8], self._pool[YIELD // 8] = self.threads, _yield_address()
        self._calls = [threading.Semaphore(0) for _ in range(self.threads - 1)]
        self.helpers: list[threading.Thread] = []
        going = threading.Event()
        going.set()
        for number, call in enumerate(self._calls, 1):
            self._pool[(HELPERS + (number - 1) * LINE + STATUS) // 8] = ASLEEP
            arguments = (self._library, self._pool, number, call, going)
            self.helpers.append(threading.Thread(target=_help, args=arguments, name=f"kernels-{number}", daemon=True))
            self.helpers[-1].start()
        weakref.finalize(self, _dismiss, self._calls, going)

    @property
    def asleep(self) -> int:
        """How many helpers are asleep."""
        return sum(int(self._pool[(HELPERS + n * LINE + STATUS) // 8]) for n in range(self.threads - 1))

    def run(self, program: Words, state: Words) -> None:
        """Run a program (n, 3): addresses of kernels and arguments, and whether all wait for each other after it."""
        with self._lock:
            if os.getpid() != self._process:  # after a fork only the calling thread is left
                self._hire()
            pool = self._pool
            for place, value in ((PROGRAM, program.ctypes.data), (COUNT, len(program)), (STATE, state.ctypes.data)):
                pool[place // 8] = value
            if self.threads > 1:
                self._start(pool.ctypes.data)
                for number, call in enumerate(self._calls):
                    if pool[(HELPERS + number * LINE + WOKEN) // 8] == ASLEEP:
                        call.release()
            self._run(pool.ctypes.data, 0)


def _help(library: "Library", pool: Words, number: int, call: threading.Semaphore, going: threading.Event) -> None:
    serve = library.function("serve", 2)
    while True:
        call.acquire()
        if not going.is_set():
            return
        serve(pool.ctypes.data, number)


def _dismiss(calls: list[threading.Semaphore], going: threading.Event) -> None:
    going.clear()
    for call in calls:
        call.release()
