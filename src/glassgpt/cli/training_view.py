"""A run as it is watched: a live board at a terminal, a line now and then elsewhere, one object at the end: --json."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from glassgpt.cli.bars import visible
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.training_board import Board, Pace
from glassgpt.train import Evaluation, Event, Recipe, Resumed, RunResult, Sample, Saved, Step, Trouble

if TYPE_CHECKING:
    from rich.live import Live

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_PICTURES = 0.25


class TrainingView:
    """Listens to a run and shows it on stderr."""

    def __init__(self, options: Talk, recipe: Recipe, utilisation: Callable[[float], float] | None = None) -> None:
        """Nothing is shown before the context is entered.

        `utilisation` turns tokens a second into a share of the machine's peak; it is asked when there is something to
        show, so it may measure then.
        """
        self.out, self.recipe = Terminal(options), recipe
        self.board = Board(recipe, Pace(time.monotonic()), utilisation)
        self.live: Live | None = None
        self.said = 0.0

    def __enter__(self) -> "TrainingView":
        """Start the clock, and the board where someone watches."""
        self.board.pace.began = self.said = time.monotonic()
        if sys.stderr.isatty() and not self.out.options.quiet:
            self.live = _live(self.out)
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the board as it last was."""
        if self.live is not None:
            self._draw()
            self.live.stop()

    def tell(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Step | Evaluation | Sample):
            self.board.take(event)
        if self.live is None or not isinstance(event, Step | Evaluation | Sample):
            self._tell_in_words(event)
        elif time.monotonic() - self.said >= SECONDS_BETWEEN_PICTURES or not isinstance(event, Step):
            self._draw()

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

    def _tell_in_words(self, event: Event) -> None:
        """In a line of its own, if it is worth one."""
        match event:
            case Step():
                if time.monotonic() - self.said >= SECONDS_BETWEEN_LINES:
                    self.said = time.monotonic()
                    self.say(" · ".join([f"step {event.step:,}/{self.recipe.steps:,}", *self.board.figures(self.said)]))
            case Evaluation():
                seen = f"validation {event.nats_per_token:.4f} nats a token, {event.bits_per_byte:.4f} bits per byte"
                self.say(f"step {event.step:,}: {seen}")
            case Sample():
                self.say(f"step {event.step:,}: sample: {visible(event.prompt + event.text)}")
            case Resumed():
                self.board.pace.first = event.step
                self.say(f"going on after step {event.step:,}")
            case Trouble():
                self.say(f"{event.kind}: {event.message}")
            case Saved():
                if self.out.options.verbose:
                    self.say(f"step {event.step:,}: saved {event.folder}")

    def say(self, text: str) -> None:
        """A line of its own, above the board if there is one."""
        if self.live is not None:
            self.live.console.print(text, highlight=False, markup=False)
        else:
            self.out.talk(text)

    def _draw(self) -> None:
        """The board as it is now."""
        from rich.text import Text

        assert self.live is not None
        self.said = time.monotonic()
        width, height = self.live.console.size
        rows = self.board.lines(self.said, min(width, 120), height, self.out.paint_talk)
        self.live.update(Text.from_ansi("\n".join(rows), no_wrap=True, overflow="crop"), refresh=True)


def _live(out: Terminal) -> "Live":
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stderr, no_color=not out.shows_colour(sys.stderr.isatty()), highlight=False)
    return Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
