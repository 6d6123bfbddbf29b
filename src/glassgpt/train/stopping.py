"""Asked to stop, a run finishes its step and saves; asked twice, it stops at once, which a checkpoint survives."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ASKING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, a scheduler's notice, a closed terminal."""


class Stop:
    """Whether somebody asked, and how."""

    def __init__(self) -> None:
        """Nobody has."""
        self.signal: int | None = None

    def __bool__(self) -> bool:
        """Whether to stop."""
        return self.signal is not None


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """A `Stop` that the first signal sets; a second signal, of any of these kinds, acts as it did before."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield stop
        return
    before = {int(number): signal.getsignal(number) for number in ASKING}
    heard = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}

    def give_back() -> None:
        for number, handler in heard.items():
            signal.signal(number, handler)

    def ask(number: int, frame: object) -> None:
        stop.signal = number
        give_back()

    for number in heard:  # what is ignored stays so: that is how `nohup` keeps a run alive
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        give_back()
