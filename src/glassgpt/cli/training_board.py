"""What a person sees of a run at a terminal: a plot of the loss, the figures of the last step, the newest sample.

`Board` keeps what the events said and writes it as lines that fit the window; `training_view.py` says when.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from glassgpt.cli.bars import bar, visible
from glassgpt.cli.braille import Paint, picture
from glassgpt.cli.chart import Axis, Chart, Series
from glassgpt.cli.curves import clock
from glassgpt.train import Evaluation, Recipe, Sample, Step

SMOOTHING = 0.9
"""The loss in figures is an average over about the last ten steps."""
MOST_POINTS = 1024
"""Of the plotted loss; neighbours are averaged as a run grows longer."""
LOWEST_CHART, HIGHEST_CHART, BESIDE_CHART = 8, 16, 9
"""Rows of the plot, and rows that everything else needs."""


@dataclass(slots=True)
class Trend:
    """A curve of any length in a bounded list of points."""

    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    each: int = 1
    """How many steps a point stands for."""
    waiting: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """One more step."""
        self.waiting.append(value)
        if len(self.waiting) < self.each:
            return
        self.steps.append(float(step))
        self.values.append(sum(self.waiting) / len(self.waiting))
        self.waiting = []
        if len(self.values) >= MOST_POINTS:
            self.steps = self.steps[1::2]
            self.values = [(a + b) / 2 for a, b in zip(self.values[::2], self.values[1::2], strict=True)]
            self.each *= 2


@dataclass(slots=True)
class Pace:
    """How fast a run goes, evaluations and saves included, by the clock that is handed in."""

    began: float
    first: int = 0
    """The step that the run went on from."""

    def seconds_left(self, now: float, done: int, steps: int) -> float:
        """Until the last step, if it goes on like this; not a number before the first."""
        return (now - self.began) / (done - self.first) * (steps - done) if done > self.first else math.nan


@dataclass(slots=True)
class Board:
    """The state of a run as it is shown."""

    recipe: Recipe
    pace: Pace
    utilisation: Callable[[float], float] | None = None
    """The share of the machine's peak that a speed in tokens a second amounts to; None: not known and not shown."""
    trend: Trend = field(default_factory=Trend)
    seen: Trend = field(default_factory=Trend)
    """The loss on text held back."""
    loss: float = math.nan
    step: Step | None = None
    evaluation: Evaluation | None = None
    sample: Sample | None = None

    def take(self, event: Step | Evaluation | Sample) -> None:
        """Remember what an event says."""
        if isinstance(event, Step):
            self.loss = event.loss if math.isnan(self.loss) else SMOOTHING * self.loss + (1 - SMOOTHING) * event.loss
            self.step = event
            self.trend.add(event.step, event.loss)
        elif isinstance(event, Evaluation):
            self.evaluation = event
            self.seen.add(event.step, event.nats_per_token)
        else:
            self.sample = event

    def figures(self, now: float) -> list[str]:
        """The last step in numbers, each with its name."""
        if self.step is None:
            return []
        shown = [
            f"loss {self.loss:.3f}",
            f"lr ×{self.step.lr:.2f}",
            f"gradient {self.step.norm:.2f}",
            f"{self.step.tokens_per_second:,.0f} tokens/s",
        ]
        if self.utilisation:
            shown.append(f"MFU {100 * self.utilisation(self.step.tokens_per_second):.0f} %")
        left = self.pace.seconds_left(now, self.step.step, self.recipe.steps)
        return [*shown, f"{clock(left)} left"] if math.isfinite(left) else shown

    def lines(self, now: float, width: int, height: int, paint: Paint) -> list[str]:
        """Everything, for a window of this size."""
        done = self.step.step if self.step else self.pace.first
        counted = f"step {done:,}/{self.recipe.steps:,}"
        room = max(8, width - len(counted) - 2)
        share = done / self.recipe.steps
        drawn = paint(f"{bar(share, room):<{room}}", "cyan")
        rows = [f"{counted}  {drawn}", *_wrapped(self.figures(now), width)]
        rows += [visible(line)[:width] for line in self._looks()]
        free = height - BESIDE_CHART
        if len(self.trend.values) > 1 and free >= LOWEST_CHART:
            rows += picture(self._chart(), width=width, height=min(free, HIGHEST_CHART), paint=paint).splitlines()[1:]
        return rows

    def _looks(self) -> list[str]:
        """The newest evaluation and the newest sample, each on one line."""
        found = []
        if self.evaluation:
            seen = f"{self.evaluation.nats_per_token:.4f} nats a token, {self.evaluation.bits_per_byte:.4f} bits a byte"
            found.append(f"validation {seen} (step {self.evaluation.step:,})")
        if self.sample:
            written = " ".join(f"{self.sample.prompt}{self.sample.text}".split())
            found.append(f"sample (step {self.sample.step:,}): {written}")
        return found

    def _chart(self) -> Chart:
        trained = Series("loss", self.trend.steps, self.trend.values)
        seen = [Series("validation", self.seen.steps, self.seen.values)] if self.seen.values else []
        return Chart("", Axis("step"), Axis("nats a token"), [trained, *seen])


def _wrapped(parts: list[str], width: int) -> list[str]:
    """Facts side by side, as many on a line as fit."""
    rows: list[str] = []
    for part in parts:
        if rows and len(rows[-1]) + len(part) + 3 <= width:
            rows[-1] += f" · {part}"
        else:
            rows.append(part)
    return rows
