"""One process at a time in a run folder.

The lock is the kernel's (`flock`), not the file's existence: it ends with the process however that dies, so nothing
has to be cleaned up after a crash. The file stays and says who held it last.
"""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from glassgpt.errors import RunInUse

LOCK = "LOCK"
PATIENCE_SECONDS = 1.0
"""How long to wait for a holder that has the lock but has not yet written its name."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep others out of a run folder, which is made if need be.

    Raises RunInUse, naming the holder, at once where another process is in it. Where there is no `flock` (Windows)
    nobody is kept out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunInUse(f"{folder} is in use by {_holder(descriptor)}. Wait for it, or stop it.") from error
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    who = {"pid": os.getpid(), "host": platform.node(), "start": datetime.now(UTC).isoformat(timespec="seconds")}
    text = json.dumps(who).encode() + b"\n"
    with suppress(OSError):  # on a full disk the lock holds all the same, without a name
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))


def _holder(descriptor: int) -> str:
    """Who holds the lock; a name that a dead process left is not believed."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        who = _signature(descriptor)
        if who is not None and (who["host"] != platform.node() or _is_alive(int(who["pid"]))):
            return f"process {who['pid']} on {who['host']}, since {who['start']}"
        if time.monotonic() > until:
            return "another process"
        time.sleep(0.01)


def _signature(descriptor: int) -> dict[str, str | int] | None:
    try:
        who = json.loads(os.pread(descriptor, 4096, 0))
        return who if {"pid", "host", "start"} <= who.keys() else None
    except (ValueError, AttributeError):  # empty, or half written
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so it exists
        return True
    return True
