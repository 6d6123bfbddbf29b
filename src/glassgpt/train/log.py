"""`log.jsonl`: one event a line, and nothing that goes wrong with it stops a run."""

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from glassgpt.checkpoints.atomic import new_file
from glassgpt.train.events import Event, Listener, Trouble


class Log:
    """Appends events to a file and passes them on to a listener.

    A line that cannot be written is lost, and the run goes on; the first line that can be written again says how many
    were. A listener that fails is told the next event all the same: it may be a terminal that was closed, or a service
    that is down for an hour.
    """

    def __init__(self, path: Path, listener: Listener) -> None:
        """Nothing is written yet."""
        self.path, self.listener = path, listener
        self.lost, self.deaf = 0, False

    def tell(self, event: Event) -> None:
        """Write an event down and pass it on."""
        self._write(event)
        try:
            self.listener(event)
        except Exception as error:
            if not self.deaf:
                self.deaf = True
                text = f"what watches this run failed ({type(error).__name__}: {error}); the run goes on"
                self._write(Trouble(event.step, "watching", text))

    def cut(self, step: int) -> None:
        """Forget what lies after a step, since the run goes on from there; and a line that a crash cut short."""
        if not self.path.is_file():  # none yet; or a device, which need not end
            return
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
            kept = [line for line in lines if _step_of(line) <= step]
            with new_file(self.path) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        except OSError:
            self.lost += 1  # the line that says so tells a reader to mind the order

    def _write(self, event: Event) -> None:
        lines = [event]
        if self.lost:
            lines.insert(0, Trouble(event.step, "log", f"{self.lost:,} lines could not be written before this one"))
        text = "".join(json.dumps({"event": type(line).__name__.lower(), **asdict(line)}) + "\n" for line in lines)
        try:
            self._append(text.encode())
            self.lost = 0
        except OSError as error:
            self.lost += 1
            if self.lost == 1:
                self._warn(Trouble(event.step, "log", f"{self.path}: {error.strerror}; training goes on without a log"))

    def _append(self, text: bytes) -> None:
        """Add lines, or nothing: half of them would spoil the next."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            before = os.fstat(descriptor).st_size
            try:
                while text:
                    text = text[os.write(descriptor, text) :]
            except OSError:
                with suppress(OSError):  # a device has no length
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def _warn(self, trouble: Trouble) -> None:
        try:
            self.listener(trouble)
        except Exception:
            self.deaf = True


class Silence:
    """The log of a rank that does not lead."""

    def tell(self, event: Event) -> None:
        """Rank 0 tells it."""

    def cut(self, step: int) -> None:
        """Rank 0 cuts it."""


def _step_of(line: str) -> float:
    """The step a line belongs to; a line cut short by a crash belongs nowhere."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
