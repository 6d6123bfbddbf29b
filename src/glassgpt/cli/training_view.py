"""A run as it is watched: a bar at a terminal, a line now and then elsewhere, one object at the end for --json."""

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.train import Evaluation, Event, Recipe, Resumed, RunResult, Saved, Step, Trouble

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 10.0
SMOOTHING = 0.9
"""The loss on the bar is an average over about the last ten steps."""


class TrainingView:
    """Listens to a run and shows it on stderr."""

    def __init__(self, options: Talk, recipe: Recipe) -> None:
        """Nothing is shown before the context is entered."""
        self.out, self.recipe = Terminal(options), recipe
        self.bar: Progress | None = None
        self.loss = self.began = self.said = 0.0
        self.done = self.first = 0

    def __enter__(self) -> "TrainingView":
        """Start the clock, and the bar where someone watches."""
        self.stack = ExitStack()
        self.began = self.said = time.monotonic()
        if sys.stderr.isatty() and not self.out.options.quiet:
            self.bar = self.stack.enter_context(_bar(self.out))
            self.task = self.bar.add_task("training", total=self.recipe.steps, facts="")
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        self.stack.close()

    def tell(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Step):
            self._step(event)
        elif isinstance(event, Resumed):
            self.done = self.first = event.step
            self._line(f"going on after step {event.step:,}")
        elif isinstance(event, Evaluation):
            self._line(
                f"step {event.step:,}: validation {event.nats_per_token:.4f} nats a token, "
                f"{event.bits_per_byte:.4f} bits per byte"
            )
        elif isinstance(event, Trouble):
            self._line(f"{event.kind}: {event.message}")
        elif isinstance(event, Saved) and self.out.options.verbose:
            self._line(f"step {event.step:,}: saved {event.folder}")

    def finish(self, result: RunResult) -> None:
        """The last word: where the model is and how good it is."""
        loss = result.validation
        if self.out.options.json:
            validation = loss and {"nats_per_token": loss.nats_per_token, "bits_per_byte": loss.bits_per_byte}
            facts = {"folder": str(result.folder), "steps": result.steps, "interrupted": result.interrupted}
            self.out.json("train", {**facts, "validation": validation})
            return
        if result.interrupted:
            self.out.talk(f"stopped after step {result.steps:,} and saved; the same command goes on from there")
        self.out.result(str(result.folder))

    def _step(self, event: Step) -> None:
        self.loss = SMOOTHING * self.loss + (1 - SMOOTHING) * event.loss if self.done > self.first else event.loss
        self.done = event.step
        facts = f"loss {self.loss:.3f}  lr x{event.lr:.2f}  {event.tokens_per_second:,.0f} tokens/s"
        if self.bar is not None:
            self.bar.update(self.task, completed=event.step, facts=facts)
        elif time.monotonic() - self.said >= SECONDS_BETWEEN_LINES:
            self.said = time.monotonic()
            left = (self.said - self.began) / (self.done - self.first) * (self.recipe.steps - self.done)
            self._line(f"step {event.step:,}/{self.recipe.steps:,}  {facts}  {left / 60:.0f} min left")

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, highlight=False, markup=False)
        else:
            self.out.talk(text)


def _bar(out: Terminal) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr, no_color=not out.shows_colour(sys.stderr.isatty()), highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[facts]}"))
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
