"""How much of a prompt is read in one step, so that those who write hardly notice.

Reading takes as long as it takes, but it can be spread: a step in which some texts get their next token may last
`stretch` times as long as one in which nobody reads. What a step and what a token of a prompt cost is measured as the
scheduler goes along, for it depends on the machine, the model and the company. Only the pace depends on it, no text.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MEMORY = 0.8
"""How much of the old estimate stays when there is news."""


@dataclass(slots=True)
class Budget:
    """Gives out tokens to read: at least `least`, at most `most` a step."""

    least: int
    most: int
    stretch: float
    clock: Callable[[], float] = time.perf_counter
    _step: float | None = field(default=None, init=False)
    """Seconds of a step in which nobody reads."""
    _token: float | None = field(default=None, init=False)
    """Seconds that each token read adds to it."""

    def tokens(self) -> int:
        """How many tokens may be read in a step in which others write."""
        if self._step is None or not self._token:
            return self.least
        return max(self.least, min(self.most, int((self.stretch - 1) * self._step / self._token)))

    def learn(self, seconds: float, *, written: int, read: int) -> None:
        """A step took so long; so many texts were written in it, and so many tokens of prompts read."""
        if not read and written:
            self._step = _mixed(self._step, seconds)
        elif read >= self.least:
            alone = self._step if written and self._step is not None else 0.0
            self._token = _mixed(self._token, max(0.0, seconds - alone) / read)


def _mixed(old: float | None, new: float) -> float:
    return new if old is None else MEMORY * old + (1 - MEMORY) * new
