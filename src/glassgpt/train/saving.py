"""Snapshots in, checkpoints on disk out; a save that fails is told and tried again at the next interval.

In the background, a thread writes a copy while the next steps run. The files are the same, byte for byte.
"""

import errno
import shutil
import threading
import time
from collections.abc import Callable

from glassgpt.errors import SavingFailed, TokenizerError
from glassgpt.tokens import Tokenizer
from glassgpt.train.checkpoint import Snapshot
from glassgpt.train.events import Listener, Saved, Trouble
from glassgpt.train.run import Run
from glassgpt.train.settings import Saving

ROOM = 2.2
"""Free space asked for, in checkpoints: one that is written, one that is being removed, and a little for the log."""
NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""The disk is full; a file may not grow; one's share of the disk is used up."""
SECONDS_BETWEEN_TRIES = 1.0
"""Only where no later interval comes: at the end, and when asked to stop."""


class Saver:
    """Writes the checkpoints of a run and removes old ones."""

    def __init__(
        self,
        run: Run,
        settings: Saving,
        tokenizer: Tokenizer,
        tell: Listener,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is written yet."""
        self.run, self.settings, self.tokenizer, self.tell, self.pause = run, settings, tokenizer, tell, pause
        self.failures, self.leftover = 0, ""
        self.writing: Writing | None = None

    def check_room(self, checkpoint_bytes: int) -> None:
        """Raise SavingFailed where the disk is too small for checkpoints of this size."""
        if ROOM * checkpoint_bytes > shutil.disk_usage(self.run.path).free:
            raise SavingFailed(f"{self.run.path}: {self._room(checkpoint_bytes)}. Make room or choose another folder.")

    def save(self, snapshot: Snapshot, *, last: bool = False) -> None:
        """Write a checkpoint, or begin to; the `last` one is there when this returns.

        Raises SavingFailed after `max_failures` failures in a row.
        """
        self.collect(wait=True)
        if self.settings.background and not last:
            self.writing = Writing(self, snapshot.copied())
            self.writing.start()
            return
        self._settle(snapshot.progress.step, self.write(snapshot))
        while last and self.failures:
            self.pause(SECONDS_BETWEEN_TRIES)
            self._settle(snapshot.progress.step, self.write(snapshot))

    def collect(self, *, wait: bool = False) -> None:
        """Tell how the write in the background went, once it has ended."""
        writing = self.writing
        if writing is None or (writing.is_alive() and not wait):
            return
        writing.join()
        self.writing = None
        if writing.fault is not None:
            raise writing.fault
        self._settle(writing.snapshot.progress.step, writing.problem)

    def wait(self) -> None:
        """Let the write under way come to its end, whatever that is."""
        if self.writing is not None:
            self.writing.join()

    def write(self, snapshot: Snapshot) -> str:
        """Write and prune; what went wrong in words, or nothing."""
        try:
            self.check_room(snapshot.size_bytes)
            self.run.write(snapshot, self.tokenizer)
        except (OSError, TokenizerError) as error:
            return self._problem(error, snapshot)
        except SavingFailed as error:
            return str(error)
        try:
            self.run.prune(self.settings.keep, self.settings.keep_best)
        except OSError as error:  # the new checkpoint stands; the old one is tried again after the next
            self.leftover = f"an old checkpoint could not be removed: {error}"
        return ""

    def _problem(self, error: OSError | TokenizerError, snapshot: Snapshot) -> str:
        disk = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(disk, OSError):
            raise error
        place = disk.filename or self.run.folder(snapshot.progress.step)
        room = f" ({self._room(snapshot.size_bytes)})" if disk.errno in NO_ROOM else ""
        return f"{place}: {disk.strerror or disk}{room}"

    def _room(self, checkpoint_bytes: int) -> str:
        free = shutil.disk_usage(self.run.path).free
        return f"{int(ROOM * checkpoint_bytes):,} bytes needed for checkpoints, {free:,} free"

    def _settle(self, step: int, problem: str) -> None:
        if not problem:
            self.failures = 0
            self.tell(Saved(step, self.run.folder(step).name))
            if self.leftover:
                self.tell(Trouble(step, "saving", self.leftover))
                self.leftover = ""
            return
        self.failures += 1
        most = self.settings.max_failures
        told = f"step {step:,} could not be saved, try {self.failures} of {most}: {problem.rstrip('.')}."
        if self.failures >= most:
            raise SavingFailed(f"{told} The checkpoints before it are whole; make room and resume.")
        self.tell(Trouble(step, "saving", f"{told} Training goes on."))


class Writing(threading.Thread):
    """One write in the background."""

    def __init__(self, saver: Saver, snapshot: Snapshot) -> None:
        """A daemon, so that a process that is told twice to stop need not wait for it."""
        super().__init__(name=f"saving step {snapshot.progress.step}", daemon=True)
        self.saver, self.snapshot = saver, snapshot
        self.problem = ""
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Write, and keep what went wrong for whoever joins."""
        try:
            self.problem = self.saver.write(self.snapshot)
        except BaseException as error:
            self.fault = error
