"""How far a long job is: one bar a stage on stderr, gone when it is done; nothing where nobody watches."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Report = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is (0: unknown)."""


@contextmanager
def progress(out: Terminal) -> Iterator[Report]:
    """A function to call whenever there is news."""
    if out.options.quiet or not sys.stderr.isatty():
        yield lambda what, done, goal: None
        return
    stages: dict[str, TaskID] = {}
    with contextlib.ExitStack() as stack:
        shown: list[Progress] = []

        def report(what: str, done: int, goal: int) -> None:
            if not shown:  # rich is imported when there is something to show
                shown.append(stack.enter_context(_bars(out)))
            if what not in stages:
                stages[what] = shown[0].add_task(what)
            shown[0].update(stages[what], completed=done, total=goal or None)

        yield report


def _bars(out: Terminal) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(file=sys.stderr, no_color=not out.shows_colour(sys.stderr.isatty()), highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
