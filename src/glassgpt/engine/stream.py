"""The events of one request, as they come; and the way to end it before its time.

Whoever waits for the next event drives the scheduler meanwhile, if nobody else does. So one thread can read a stream
in a plain loop, many threads can read one each, and a server can give the driving to a thread of its own.
"""

from collections import deque
from collections.abc import Callable, Iterator

from glassgpt.engine.request import Event, Job

Listener = Callable[[Event | Exception], None]
"""Told each event as it happens, and the error if there is one; called in the midst of a step, so it must be quick."""


class Stream(Iterator[Event]):
    """An iterator over the events of all samples of one request; it raises what made the request fail."""

    def __init__(self, job: Job, drive: Callable[[], object], listener: Listener | None = None) -> None:
        self.job = job
        self.is_cancelled = False
        self._drive, self._listener = drive, listener
        self._events: deque[Event] = deque()
        self._unfinished = job.params.n
        self._error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Whether no more events will come."""
        return self._unfinished == 0 or self.is_cancelled or self._error is not None

    def cancel(self) -> None:
        """Stop writing before the next step; events not yet read are dropped. From any thread, at any time."""
        self.is_cancelled = True

    def tell(self, event: Event) -> None:
        """Something has happened."""
        try:
            self._events.append(event) if self._listener is None else self._listener(event)
        except Exception as error:  # a listener's mistake is its own affair
            self._error = error
        self._unfinished -= event.finish_reason is not None

    def fail(self, error: Exception) -> None:
        """The request cannot be finished."""
        self._error = error
        if self._listener is not None:
            self._listener(error)

    def __next__(self) -> Event:
        """The next event; computes it if need be."""
        while not self.is_cancelled:
            over = self.is_over  # asked first: another thread may tell the last event meanwhile
            if self._events:
                return self._events.popleft()
            if self._error is not None:
                raise self._error
            if over:
                break
            self._drive()
        raise StopIteration
