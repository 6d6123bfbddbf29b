"""The threads themselves: the caller's and some helpers, who sleep when there is nothing to do.

They should be twice as fast as one where two cores are free, and never slower than one where another program wants a
core. Two threads and that program are three for two cores, so one of us is always put aside: a helper, for whom the
caller waits, or the caller itself, which alone would have kept its core. Either way the caller has not computed for a
part of the run. If that was much, the crew goes on with one thread less, eight times as long as was lost: then trying
again and again costs little. But no longer than a fifth of a second: what was lost at once, because pages came back
from the disk or the whole machine stood still, says nothing of what comes.
"""

import ctypes
import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.operation import Words
from glassgpt.kernels.sharing import (
    ASLEEP,
    BERTH,
    BERTHS,
    LONG_NAP,
    LOST,
    NAP,
    NAP_TIME,
    SHARES,
    STATUS,
    THREADS,
    WOKEN,
)

if TYPE_CHECKING:
    from glassgpt.kernels.library import Library

NAP_SECONDS, LONG_NAP_SECONDS = 50e-6, 1e-3
EXACT = time.get_clock_info("thread_time").resolution < 1e-5
"""Whether the system knows how long a thread computed; otherwise naps are counted."""
LOST_SECONDS = 1e-4
"""What a nap takes: the system wakes nobody on the dot."""
TOLERABLE = 0.3
"""The part of a run that may be lost: all machines are disturbed now and then."""
CAUTION = 8
"""How many times as long as was lost the crew does with one thread less."""
LONGEST_REST = 0.2
"""Seconds after which it is always tried again."""


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


class Strength:
    """How many threads are asked: fewer for a while after time was lost by waiting for one.

    >>> strength = Strength(2)
    >>> strength.learn(10.0, took=0.02, lost=0.01)
    >>> strength.ask(10.07), strength.ask(10.09)
    (1, 2)
    """

    def __init__(self, threads: int) -> None:
        self.threads = self._asked = threads
        self._until = 0.0

    def ask(self, now: float) -> int:
        """So many; one more than before when its rest is over."""
        if self._asked < self.threads and now >= self._until:
            self._asked += 1
        return self._asked

    def learn(self, now: float, took: float, lost: float) -> None:
        """Hear how many seconds a run took, and for how many of them the caller did not compute."""
        if lost > TOLERABLE * took and self._asked > 1:
            self._asked -= 1
            self._until = now + min(lost * CAUTION, LONGEST_REST)


class Crew:
    """The calling thread and some helpers; one program runs at a time."""

    def __init__(self, library: "Library", threads: int) -> None:
        if threads < 1:
            raise InvalidParameter("threads", threads, "must be a whole number ≥ 1")
        self.threads = threads
        self.strength = Strength(threads)
        self._library = library
        self._start, self._run = library.function("start", 1), library.function("run", 4)
        self._lock = threading.Lock()
        self._hire()

    def _hire(self) -> None:
        self._process = os.getpid()
        self._pool = np.zeros((BERTHS + self.threads * BERTH) // 8, np.int64)
        self._pool[THREADS // 8] = self.threads
        self._pool[NAP // 8], self._pool[NAP_TIME // 8], self._pool[LONG_NAP // 8] = nap()
        self._calls = [threading.Semaphore(0) for _ in range(self.threads - 1)]
        self.helpers: list[threading.Thread] = []
        going = threading.Event()
        going.set()
        for number, call in enumerate(self._calls, 1):
            self._pool[_berth(number, STATUS)] = ASLEEP
            arguments = (self._library, self._pool, number, call, going)
            self.helpers.append(threading.Thread(target=_help, args=arguments, name=f"kernels-{number}", daemon=True))
            self.helpers[-1].start()
        weakref.finalize(self, _dismiss, self._calls, going)

    @property
    def asleep(self) -> int:
        """How many helpers are asleep."""
        return sum(int(self._pool[_berth(number, STATUS)]) for number in range(1, self.threads))

    def run(self, program: Words, state: Words) -> None:
        """Run a program (n, 5): lines as `entry` writes them."""
        with self._lock:
            if os.getpid() != self._process:  # after a fork only the calling thread is left
                self._hire()
            asked = self.strength.ask(time.monotonic())
            self._pool[SHARES // 8] = asked
            if asked > 1:
                self._wake(asked)
            start, computed = time.monotonic(), time.thread_time()
            self._run(self._pool.ctypes.data, program.ctypes.data, len(program), state.ctypes.data)
            end, computed = time.monotonic(), time.thread_time() - computed
            lost = end - start - computed if EXACT else LOST_SECONDS * int(self._pool[LOST // 8])
            self.strength.learn(end, end - start, lost)

    def _wake(self, asked: int) -> None:
        self._start(self._pool.ctypes.data)
        for number in range(1, asked):
            if self._pool[_berth(number, WOKEN)] == ASLEEP:
                self._calls[number - 1].release()


def _berth(thread: int, place: int) -> int:
    """Where a number of a thread's own stands."""
    return (BERTHS + thread * BERTH + place) // 8


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


class _Time(ctypes.Structure):
    """C's timespec."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_NAP_TIME, _LONG_NAP = (_Time(0, int(seconds * 1e9)) for seconds in (NAP_SECONDS, LONG_NAP_SECONDS))


def nap() -> tuple[int, int, int]:
    """The system's own function that sleeps for a moment, and what it wants to be told for a short nap and a long."""
    if sys.platform == "win32":
        return ctypes.cast(ctypes.windll.kernel32.Sleep, ctypes.c_void_p).value or 0, 1, 1
    address = ctypes.cast(ctypes.CDLL(None).nanosleep, ctypes.c_void_p).value
    assert address is not None
    return address, ctypes.addressof(_NAP_TIME), ctypes.addressof(_LONG_NAP)
