"""Loss and gradient of a step in, a verdict out, before any weight is changed.

Two things count as bad: a loss or gradient that is not a finite number, and, where asked, one that lies many standard
deviations above the last ones (the detector of llm.c, with the new value outside the window it is compared with).
"""

import math
import statistics
from collections import deque
from dataclasses import dataclass

from glassgpt.train.settings import Guard


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a step."""

    reason: str
    finite: bool
    """Whether it is only out of line."""


class Watch:
    """Remembers the last losses and gradient lengths, and how many steps in a row were bad."""

    def __init__(self, settings: Guard) -> None:
        """Nothing seen yet."""
        self.settings = settings
        self.losses: deque[float] = deque(maxlen=settings.window)
        self.norms: deque[float] = deque(maxlen=settings.window)
        self.bad_in_a_row = self.furthest = 0
        self.refused = False
        """Whether the last step was bad."""

    def judge(self, step: int, loss: float, norm: float) -> Verdict | None:
        """Look at update number `step`; None lets it pass.

        What is finite enters the window even if it is refused, so that a lasting change becomes the new custom.
        """
        verdict = self._look(loss, norm)
        if math.isfinite(loss) and math.isfinite(norm):
            self.losses.append(loss)
            self.norms.append(norm)
        self.refused = verdict is not None
        if self.refused:
            self.bad_in_a_row += 1
            self.furthest = max(self.furthest, step)
        elif step > self.furthest:  # a run rolled back must first get past the place where it failed
            self.bad_in_a_row = 0
        return verdict

    @property
    def gives_up(self) -> bool:
        """Whether so many steps in a row were bad that going on is pointless."""
        return self.bad_in_a_row >= self.settings.max_bad_steps

    def state(self) -> dict[str, object]:
        """What a resumed run must know to judge as this one would have."""
        return {
            "losses": list(self.losses),
            "norms": list(self.norms),
            "bad_in_a_row": self.bad_in_a_row,
            "furthest": self.furthest,
        }

    def restore(self, state: dict[str, object]) -> None:
        """The inverse of `state`; of nothing, as an older release wrote it, it makes nothing."""
        if not state:
            return
        self.rewind(state)
        self.bad_in_a_row, self.furthest = int(str(state["bad_in_a_row"])), int(str(state["furthest"]))

    def rewind(self, state: dict[str, object]) -> None:
        """Put the windows back, but remember what went wrong since."""
        for window, name in ((self.losses, "losses"), (self.norms, "norms")):
            values = state[name]
            assert isinstance(values, list)
            window.clear()
            window.extend(values)

    def _look(self, loss: float, norm: float) -> Verdict | None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return Verdict(f"loss {loss}, gradient {norm}", finite=False)
        limits = (
            ("loss", loss, self.losses, self.settings.z_loss),
            ("gradient", norm, self.norms, self.settings.z_norm),
        )
        for name, value, window, limit in limits:
            if limit and (distance := deviations(value, window)) > limit:
                return Verdict(f"{name} {value:.4g} is {distance:.1f} deviations above the last {len(window)}", True)
        return None


def deviations(value: float, window: deque[float]) -> float:
    """How many standard deviations a value lies above a full window; 0 before it is full."""
    if len(window) != window.maxlen:
        return 0.0
    mean = statistics.fmean(window)
    spread = statistics.pstdev(window, mean)
    return (value - mean) / spread if spread else 0.0


def batch_number(step: int, left_out: list[int]) -> int:
    """Which batch an update reads, when some are left out: the others move up.

    >>> [batch_number(step, [1, 3]) for step in range(4)]
    [0, 2, 4, 5]
    """
    for bad in sorted(left_out):
        step += bad <= step
    return step
